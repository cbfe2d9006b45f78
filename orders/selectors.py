"""Queries about orders that pages and checks read with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from auditlog.models import AuditEvent
from orders.models import Order, OrderLine, OrderPayment, OrderTransition, WaitingPayment
from orders.refunds import RefundStory, refund_story
from orders.states import OrderStatus
from payments.models import Charge, CheckoutSession, Refund

MOST_TERMS = 200


def charges_of(order: Order) -> QuerySet[Charge]:
    """The charges of the order's payments, tried or captured, the first first."""
    payments = OrderPayment.objects.filter(order=order).values("payment")
    return Charge.objects.filter(payment__in=payments).order_by("created", "id")


def find_orders(terms: Sequence[str]) -> Q:
    """The orders that one of the terms names: a number or its beginning, an e-mail address, or the
    Stripe id of a payment, charge, refund, session or customer. Each through an index."""
    terms = [term for term in terms if term][:MOST_TERMS]
    if not terms:
        return Q()
    number = Q(number__startswith=terms[0]) if len(terms) == 1 else Q(number__in=terms)
    candidates: list[QuerySet[Any, Any]] = [
        Order.objects.filter(number).values("pk"),
        Order.objects.filter(email__in=[term.lower() for term in terms]).values("pk"),
        Order.objects.filter(checkout_session__in=terms).values("pk"),
        Order.objects.filter(customer__stripe_customer__in=terms).values("pk"),
        OrderPayment.objects.filter(payment__in=payments_named(terms)).values("order"),
    ]
    found = candidates[0].order_by()
    return Q(pk__in=found.union(*(more.order_by() for more in candidates[1:])))


def payments_named(terms: Sequence[str]) -> set[str]:
    """The payments that the terms may be ids of, or ids of a charge, refund or session of theirs.

    Step by step: in one statement the planner would read all charges.
    """
    refunds = Refund.objects.filter(pk__in=terms, charge__isnull=False).order_by()
    charges = {*terms, *refunds.values_list("charge_id", flat=True)}
    payments = Charge.objects.filter(pk__in=charges).order_by().values_list("payment", flat=True)
    sessions = CheckoutSession.objects.filter(pk__in=terms, payment_intent__isnull=False)
    intents = sessions.order_by().values_list("payment_intent_id", flat=True)
    return {*terms, *payments, *intents}


@dataclass(frozen=True)
class OrderDetail:
    """An order and all that happened to it. ``payments`` are keys with their charges."""

    order: Order
    lines: Sequence[OrderLine]
    payments: Sequence[tuple[str, list[Charge]]]
    refunds: Sequence[RefundStory]
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
        refunds=refund_story(order),
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


def orders_to_fulfil() -> QuerySet[Order]:
    """The orders that are paid and neither fulfilled nor canceled, the longest paid first."""
    return (
        Order.objects.filter(status=OrderStatus.PAID)
        .select_related("customer")
        .order_by("paid_at", "id")
    )
