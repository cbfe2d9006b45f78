"""Queries about orders that pages and checks read with."""

from __future__ import annotations

from django.db.models import QuerySet

from orders.models import Order, OrderPayment, WaitingPayment
from orders.states import OrderStatus
from payments.models import Charge


def charges_of(order: Order) -> QuerySet[Charge]:
    """The charges of the order's payments, tried or captured, the first first."""
    payments = OrderPayment.objects.filter(order=order).values_list("payment")
    return Charge.objects.filter(payment__in=payments).order_by("created", "id")


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
