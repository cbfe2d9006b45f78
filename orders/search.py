"""The search for orders: what the terms that a person pastes may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from orders.models import Order, OrderPayment
from payments.models import Charge, CheckoutSession, Refund


def find_orders(terms: Sequence[str]) -> Q:
    """The orders that one of the terms names: a number (alone also its beginning), an e-mail
    address, a tracking number, or the Stripe id of a payment, charge, refund, session or customer.

    Each through an index. There is at least one term.
    """
    number = Q(number__startswith=terms[0]) if len(terms) == 1 else Q(number__in=terms)
    candidates: list[QuerySet[Any, Any]] = [
        Order.objects.filter(number).values("pk"),
        Order.objects.filter(email__in=[term.lower() for term in terms]).values("pk"),
        # Without the empty ones, as the index is.
        Order.objects.filter(tracking_number__in=terms).exclude(tracking_number="").values("pk"),
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
