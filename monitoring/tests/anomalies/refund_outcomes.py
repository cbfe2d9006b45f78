"""Anomalies for ``monitoring/checks/refund_outcomes.py``."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import HOUR, ask_for_refund, link, paid_order, payment, refund
from orders.models import Order
from payments.models import Charge, Refund, RefundRequest, StripeEvent


def refund_that_fails() -> None:
    payment()
    link(paid_order(), "pi_1")
    refund(
        amount=2_000,
        status="failed",
        failed_at=timezone.now() - HOUR,
        failure_reason="lost_or_stolen_card",
    )


def refund_anew() -> None:
    refund("2", amount=2_000, created=timezone.now())
    Charge.objects.update(amount_refunded=2_000)
    Order.objects.update(refunded_minor=2_000)


def withdraw_the_new_refund() -> None:
    Refund.objects.filter(pk="re_2").delete()
    Charge.objects.update(amount_refunded=0)
    Order.objects.update(refunded_minor=0)


def request_of(word: str) -> Callable[[], object]:
    """The one request gets that status."""
    due = timezone.now() if word in ("recorded", "unknown") else None
    return lambda: RefundRequest.objects.update(status=word, next_at=due)


def one_request() -> set[tuple[str, str, int | None, str]]:
    return {("payments.refundrequest", str(RefundRequest.objects.get().pk), 2_000, "eur")}


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


ANOMALIES = {
    "refund_failed": Anomaly(
        make=refund_that_fails,
        finds=lambda: {("payments.refund", "re_1", 2_000, "eur")},
        mend=refund_anew,
        again=withdraw_the_new_refund,
    ),
    "refund_request_stuck": Anomaly(
        make=ask_for_refund,
        finds=one_request,
        mend=request_of("withdrawn"),
        again=request_of("recorded"),
    ),
    "refund_request_refused": Anomaly(
        make=lambda: ask_for_refund(status="refused", next_at=None, error="no balance"),
        finds=one_request,
        mend=request_of("withdrawn"),
        again=request_of("refused"),
    ),
}
