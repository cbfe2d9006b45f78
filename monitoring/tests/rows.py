"""Rows that break rules, as the checks' tests write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.tests.rows import build
from orders.models import Order, OrderLine, OrderPayment, OrderTransition, Product
from payments.models import Charge, Dispute, PaymentIntent, Refund, RefundRequest, StripeEvent

HOUR = timedelta(hours=1)


def order(number: str = "1001", total: int = 5_000, **values: Any) -> Order:
    """An order placed an hour ago, of whose total the parts aren't known."""
    unknown = dict.fromkeys(
        ("subtotal_minor", "discount_minor", "tax_minor", "shipping_minor"), None
    )
    values = {"currency": "eur", "placed_at": timezone.now() - HOUR, **unknown, **values}
    return build(Order, number=number, total_minor=total, **values)


def paid_order(number: str = "1001", total: int = 5_000, **values: Any) -> Order:
    """An order that was paid an hour ago."""
    one = order(number, total, **{"captured_minor": total, **values})
    move(one, "paid", paid_at=timezone.now() - HOUR)
    one.refresh_from_db()
    return one


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


def authorisation(**values: Any) -> Charge:
    """A charge of 50.00 EUR that is held and not captured; its intent is ``pi_1``."""
    build(
        PaymentIntent,
        id="pi_1",
        amount=5_000,
        amount_received=0,
        amount_capturable=5_000,
        currency="eur",
        status="requires_capture",
        latest_charge_id="ch_1",
    )
    values = {"payment_intent_id": "pi_1", "capture_before": None, "captured_at": None, **values}
    return build(
        Charge,
        id="ch_1",
        amount=5_000,
        amount_captured=0,
        amount_refunded=0,
        captured=False,
        refunded=False,
        currency="eur",
        status="succeeded",
        **values,
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


def move(order: Order, to: str, **times: Any) -> None:
    """Move an order as only SQL can, with its row of history."""
    build(OrderTransition, order=order, from_status=order.status, to_status=to)
    Order.objects.filter(pk=order.pk).update(status=to, **times)


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


def ask_for_refund(**values: Any) -> RefundRequest:
    """A request of an hour ago for 20.00 EUR of an order of 50.00."""
    charge = payment()
    link(paid_order(), "pi_1")
    values = {"status": "recorded", "next_at": timezone.now()} | values
    return build(
        RefundRequest,
        charge=charge,
        amount=2_000,
        currency="eur",
        asked_at=timezone.now() - HOUR,
        **values,
    )
