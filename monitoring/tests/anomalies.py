"""For each check something that breaks its rule, how it is mended, and how it breaks again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.tests.rows import build
from monitoring.registry import WHOLE
from orders.models import Order, OrderLine, OrderPayment, OrderTransition, Product
from payments.models import Charge, Dispute, PaymentIntent, Refund, StripeEvent

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Anomaly:
    """``make`` breaks the rule; ``finds`` is exactly who a run must then report (subject's label
    and id, money at risk, currency) over all checks."""

    make: Callable[[], object]
    finds: Callable[[], set[tuple[str, str, int | None, str]]]
    mend: Callable[[], object]
    again: Callable[[], object]


def order(number: str = "1001", total: int = 5_000, **values: Any) -> Order:
    return build(
        Order, number=number, total_minor=total, currency=values.pop("currency", "eur"), **values
    )


def payment(key: str = "1", amount: int = 5_000, **values: Any) -> Charge:
    """A captured charge of its payment intent, an hour old."""
    at = timezone.now() - HOUR
    currency = values.get("currency", "eur")
    build(
        PaymentIntent,
        id=f"pi_{key}",
        amount=amount,
        amount_received=amount,
        currency=currency,
        status="succeeded",
        succeeded_at=at,
    )
    return build(
        Charge,
        **{
            "id": f"ch_{key}",
            "payment_intent_id": f"pi_{key}",
            "amount": amount,
            "amount_captured": amount,
            "currency": "eur",
            "status": "succeeded",
            "captured_at": at,
            "as_of": at,
            **values,
        },
    )


def link(order: Order, payment: str) -> OrderPayment:
    return build(OrderPayment, order=order, payment=payment)


def refund(key: str = "1", amount: int = 5_000, *, of: str = "ch_1", **values: Any) -> Refund:
    at = timezone.now() - HOUR
    return build(
        Refund,
        **{
            "id": f"re_{key}",
            "charge_id": of,
            "amount": amount,
            "currency": "eur",
            "status": "succeeded",
            "succeeded_at": at,
            "as_of": at,
            **values,
        },
    )


def order_id() -> str:
    return str(Order.objects.get().pk)


def event(**values: Any) -> StripeEvent:
    return build(
        StripeEvent,
        stripe_id="evt_1",
        type="charge.succeeded",
        object_type="charge",
        object_id="ch_1",
        received_at=timezone.now() - HOUR,
        **values,
    )


def charge_without_order() -> None:
    payment()


def pay_wrong_amount() -> None:
    payment(amount=4_000)
    link(order(total=5_000), "pi_1")


def pay_the_rest() -> None:
    payment("2", amount=1_000)
    link(Order.objects.get(), "pi_2")


def pay_wrong_currency() -> None:
    payment(currency="usd")
    link(order(), "pi_1")


def refund_wrong_currency() -> None:
    refund(currency="usd")
    Charge.objects.update(amount_refunded=5_000)


def refund_fails() -> None:
    Refund.objects.update(status="failed", failed_at=timezone.now() - HOUR)
    Charge.objects.update(amount_refunded=0)


def refund_without_its_row() -> None:
    payment(amount_refunded=1_000)
    link(order(captured_minor=5_000), "pi_1")


def refund_row_arrives() -> None:
    refund(amount=1_000)
    Order.objects.update(refunded_minor=1_000)


def dispute(**values: Any) -> Dispute:
    """A dispute of 50.00 EUR whose answer is due in ten days."""
    return build(
        Dispute,
        **{
            "id": "dp_1",
            "charge_id": "ch_1",
            "amount": 5_000,
            "currency": "eur",
            "status": "needs_response",
            "due_by": timezone.now() + timedelta(days=10),
            **values,
        },
    )


def dispute_status(word: str) -> Callable[[], object]:
    return lambda: Dispute.objects.update(status=word)


def oversold() -> Order:
    """A paid order over 50.00 EUR of which 4 mugs for 40.00 aren't there."""
    at = timezone.now() - HOUR
    mug = build(Product, sku="MUG", stock=3)
    one = order(oversold=True, captured_minor=5_000)
    move(one, "paid", paid_at=at)
    build(OrderLine, order=one, position=1, product=mug, quantity=4, total_minor=4_000)
    build(OrderLine, order=one, position=2, product=mug, quantity=1, total_minor=1_000, taken=1)
    payment()
    link(one, "pi_1")
    return one


def move(order: Order, to: str, **times: Any) -> None:
    """Move an order as only SQL can, with its row of history."""
    build(OrderTransition, order=order, from_status=order.status, to_status=to)
    Order.objects.filter(pk=order.pk).update(status=to, **times)


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


ANOMALIES = {
    "payment_without_order": Anomaly(
        make=charge_without_order,
        finds=lambda: {("payments.paymentintent", "pi_1", 5_000, "eur")},
        mend=lambda: link(order(), "pi_1"),
        again=lambda: OrderPayment.objects.all().delete(),
    ),
    "amount_mismatch": Anomaly(
        make=pay_wrong_amount,
        finds=lambda: {("orders.order", order_id(), 1_000, "eur")},
        mend=pay_the_rest,
        again=lambda: Charge.objects.filter(pk="ch_2").update(amount_captured=2_000),
    ),
    "currency_mismatch": Anomaly(
        make=pay_wrong_currency,
        finds=lambda: {("orders.order", order_id(), 5_000, "usd")},
        mend=refund_wrong_currency,
        again=refund_fails,
    ),
    "refund_mismatch": Anomaly(
        make=refund_without_its_row,
        finds=lambda: {("orders.order", order_id(), 1_000, "eur")},
        mend=refund_row_arrives,
        again=lambda: Order.objects.update(refunded_minor=0),
    ),
    "dispute_needs_answer": Anomaly(
        make=dispute,
        finds=lambda: {("payments.dispute", "dp_1", 5_000, "eur")},
        mend=dispute_status("under_review"),
        again=dispute_status("appeal_needs_response"),
    ),
    "oversold_order": Anomaly(
        make=oversold,
        finds=lambda: {("orders.order", order_id(), 4_000, "eur")},
        mend=lambda: Order.objects.update(oversold=False),
        again=lambda: Order.objects.update(oversold=True),
    ),
    "dead_events": Anomaly(
        make=lambda: event(status="dead", error="Traceback\nValueError: no currency"),
        finds=lambda: {
            ("payments.stripeevent", str(StripeEvent.objects.get().pk), None, ""),
        },
        mend=status("processed"),
        again=status("dead"),
    ),
    "stuck_events": Anomaly(
        make=lambda: event(status="received"),
        finds=lambda: {("payments.stripeevent", WHOLE, None, "")},
        mend=status("processed"),
        again=status("failed"),
    ),
}
