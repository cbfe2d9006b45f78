"""The flag that orders with open issues have."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Q, QuerySet
from django.db.models.functions import Cast

from monitoring.models import Issue
from monitoring.registry import WHOLE, label
from orders import flags
from orders.models import Order, OrderPayment
from payments.models import Charge, Dispute, PaymentIntent, Refund


def subjects(model: type[Any]) -> QuerySet[Issue]:
    """The issues about rows of ``model`` that need someone."""
    return (
        Issue.objects.filter(status__in=Issue.NEEDS_SOMEONE, subject_type=label(model))
        .exclude(subject_id=WHOLE)
        .order_by()
    )


def with_open_issues() -> Q:
    """The orders that an open issue is about, or one about a payment, charge, refund or dispute of
    theirs.

    Starts at the open issues, which are few, and finds the orders by index.
    """
    links = OrderPayment.objects.order_by()
    charges = [
        subjects(Charge).values("subject_id"),
        *(
            model._default_manager.filter(pk__in=subjects(model).values("subject_id")).values(
                "charge"
            )
            for model in (Refund, Dispute)
        ),
    ]
    found = [
        links.filter(payment__in=subjects(PaymentIntent).values("subject_id")),
        *(
            links.filter(payment__in=Charge.objects.filter(pk__in=ids).values("payment"))
            for ids in charges
        ),
    ]
    orders = subjects(Order).values_list(Cast("subject_id", BigIntegerField()))
    return Q(pk__in=orders.union(*(link.values_list("order") for link in found)))


MISMATCH = flags.register(
    flags.Flag(
        name="mismatch",
        label="mismatch",
        mark="≠",
        meaning="An open issue is about the order or a payment, charge, refund or dispute of it.",
        condition=with_open_issues,
    )
)
