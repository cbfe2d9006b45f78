"""Orders in templates of what stands to their left: the page of a charge names its order."""

from __future__ import annotations

from django import template

from orders.models import Order
from orders.search import find_orders
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    MirrorObject,
    PaymentIntent,
    Refund,
)

register = template.Library()
MOST = 20
# The columns with the ids by which an order is found: any of them, because an object may come
# before what it refers to. What isn't here belongs to no order.
FOUND_BY: dict[type[MirrorObject], tuple[str, ...]] = {
    PaymentIntent: ("id",),
    Charge: ("id",),
    Refund: ("id", "payment_intent_id"),
    CheckoutSession: ("id",),
    Customer: ("id",),
    Dispute: ("charge_id", "payment_intent_id"),
    BalanceTransaction: ("source",),
}


@register.simple_tag
def orders_of(row: MirrorObject) -> list[Order]:
    """The newest orders that a mirrored object belongs to, at most 20."""
    keys = [key for column in FOUND_BY.get(type(row), ()) if (key := getattr(row, column))]
    if not keys:
        return []
    return list(Order.objects.filter(find_orders(keys)).order_by("-placed_at", "-id")[:MOST])
