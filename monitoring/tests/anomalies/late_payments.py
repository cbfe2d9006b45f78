"""Anomalies for ``monitoring/checks/late_payments.py``."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, move, order, order_id, payment, refund
from orders.models import Order
from payments.models import Charge, Refund, StripeEvent


def pay_a_canceled_order() -> None:
    payment()
    one = order(captured_minor=5_000)
    move(one, "canceled", canceled_at=timezone.now())
    link(one, "pi_1")


def refund_it() -> None:
    refund(balance_transaction_id="txn_1")
    Charge.objects.update(amount_refunded=5_000)
    Order.objects.update(refunded_minor=5_000)


def payment_that_fails_late() -> None:
    payment(status="failed")
    one = order(captured_minor=5_000)
    move(one, "paid", paid_at=timezone.now())
    link(one, "pi_1")


def pay_anew() -> None:
    payment("2")
    link(Order.objects.get(), "pi_2")


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


ANOMALIES = {
    "canceled_order_paid": Anomaly(
        make=pay_a_canceled_order,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=refund_it,
        again=lambda: Refund.objects.all().delete(),
    ),
    "payment_failed_late": Anomaly(
        make=payment_that_fails_late,
        finds=lambda: {("payments.charge", "ch_1", 5_000, "eur")},
        mend=pay_anew,
        again=lambda: Charge.objects.filter(pk="ch_2").update(status="failed"),
    ),
}
