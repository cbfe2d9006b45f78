"""Queries about orders that pages and checks read with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.functions import Collate

from auditlog.models import AuditEvent
from orders.models import Order, OrderLine, OrderPayment, OrderTransition, WaitingPayment
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


@dataclass(frozen=True)
class OrderDetail:
    """An order and all that happened to it. ``payments`` are keys with their charges."""

    order: Order
    lines: Sequence[OrderLine]
    payments: Sequence[tuple[str, list[Charge]]]
    refunds: Sequence[Refund]
    transitions: Sequence[OrderTransition]
    audit: Sequence[AuditEvent]


def order_detail(order: Order) -> OrderDetail:
    """What the order's page shows; six statements."""
    payments: dict[str, list[Charge]] = {
        key: []
        for key in OrderPayment.objects.filter(order=order)
        .order_by("linked_at", "id")
        .values_list("payment", flat=True)
    }
    for charge in charges_of(order):
        payments.setdefault(charge.payment, []).append(charge)
    return OrderDetail(
        order=order,
        lines=list(order.lines.select_related("product").order_by("position")),
        payments=list(payments.items()),
        refunds=list(refunds_of(order)),
        transitions=list(order.transitions.select_related("event", "actor").order_by("id")),
        audit=list(audit_of(order)),
    )


def audit_of(order: Order, most: int = 200) -> QuerySet[AuditEvent]:
    """What was done to the order, the last first."""
    return AuditEvent.objects.filter(
        target_type=Order._meta.label_lower, target_id=str(order.pk)
    ).order_by("-id")[:most]


def waiting_payments() -> QuerySet[WaitingPayment]:
    """Payments that wait for a session before an order is made of them, the next one first."""
    return WaitingPayment.objects.order_by("due_at", "id")
