"""Queries about orders that pages and checks read with."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.functions import Collate

from orders.models import Order, OrderPayment, WaitingPayment
from orders.states import OrderStatus
from payments.models import Charge, Refund

# Refunds that gave nothing back.
UNDONE = ("failed", "canceled")


@dataclass(frozen=True)
class RefundableCharge:
    """A captured charge of an order and how much of it is neither refunded nor being refunded."""

    charge_id: str
    currency: str
    captured: int
    left: int


def charges_of(order: Order) -> QuerySet[Charge]:
    """The charges of the order's payments, tried or captured, the first first."""
    # Under the collation of the charges' column, else its index would be of no use.
    payments = OrderPayment.objects.filter(order=order).values_list(Collate("payment", "default"))
    return Charge.objects.filter(payment__in=payments).order_by("created", "id")


def refunds_of(order: Order) -> QuerySet[Refund]:
    """The refunds of the order's charges, whatever became of them, the first first."""
    return Refund.objects.filter(charge__in=charges_of(order).values("pk")).order_by(
        "created", "id"
    )


def refundable_charges(order: Order) -> list[RefundableCharge]:
    """The order's captured charges of which something is left to refund; two statements."""
    asked: dict[str, int] = {}
    for refund in refunds_of(order).exclude(status__in=UNDONE):
        asked[str(refund.charge_id)] = asked.get(str(refund.charge_id), 0) + refund.amount
    charges = [
        RefundableCharge(
            charge.pk,
            charge.currency,
            charge.amount_captured,
            charge.amount_captured - max(asked.get(charge.pk, 0), charge.amount_refunded),
        )
        for charge in charges_of(order).filter(captured_at__isnull=False, status="succeeded")
    ]
    return [charge for charge in charges if charge.left > 0]


def waiting_payments() -> QuerySet[WaitingPayment]:
    """Payments that wait for a session before an order is made of them, the next one first."""
    return WaitingPayment.objects.order_by("due_at", "id")


def orders_to_fulfil() -> QuerySet[Order]:
    """The orders that are paid and neither fulfilled nor canceled, the longest paid first."""
    return (
        Order.objects.filter(status=OrderStatus.PAID)
        .select_related("customer")
        .order_by("paid_at", "id")
    )
