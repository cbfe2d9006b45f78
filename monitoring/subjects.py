"""What issues are about: their subjects as rows, and which issues are about an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model, Q

from monitoring.models import Issue
from monitoring.registry import CRASHED_SUBJECT, WHOLE
from orders.models import Order, OrderPayment
from orders.search import find_orders, payments_named
from payments.models import Charge, Dispute, PaymentIntent, Refund, RefundRequest

MOST_ORDERS = 200  # that a search may name


def model_of(label: str) -> type[Model] | None:
    """The model of that label; None where it is no model (any more)."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def subject_of(issue: Issue) -> Model | None:
    """The row that the issue is about; None where it is about a whole table, or the row is gone."""
    model = model_of(issue.subject_type)
    if model is None or issue.subject_id == WHOLE:
        return None
    try:
        return model._base_manager.filter(pk=issue.subject_id).first()
    except (ValueError, ValidationError):  # a key that no row can have
        return None


def subject(issue: Issue, model: type[Any]) -> Any:
    """The issue's subject where it is a row of ``model``, else None."""
    row = subject_of(issue)
    return row if isinstance(row, model) else None


def named(terms: Sequence[str]) -> Q:
    """The issues that one of the terms names: by the id of their subject, or by what names an order
    that they, or their payment, belong to. Through indexes."""
    orders = Order.objects.filter(find_orders(terms)).order_by()[:MOST_ORDERS]
    keys = {
        *terms,
        *payments_named(terms),
        *(str(pk) for pk in orders.values_list("pk", flat=True)),
    }
    return Q(subject_type__in=labels(), subject_id__in=keys)


def labels() -> list[str]:
    """What a subject may be: the label of a model, or a check that crashed."""
    return [*(model._meta.label_lower for model in apps.get_models()), CRASHED_SUBJECT]


def charge_of(issue: Issue) -> Charge | None:
    """The charge that the issue is about, or that its refund, request or dispute is of."""
    row = subject_of(issue)
    if isinstance(row, Charge):
        return row
    if isinstance(row, Refund | Dispute | RefundRequest):
        return Charge.objects.filter(pk=row.charge_id).first()
    return None


def payment_of(issue: Issue) -> str:
    """The key of the payment that the issue is about (as ``OrderPayment.payment`` has it), or that
    its charge belongs to; empty where there is none."""
    row = subject_of(issue)
    if isinstance(row, PaymentIntent):
        return row.pk
    charge = charge_of(issue)
    return charge.payment or charge.pk if charge else ""


def order_of(issue: Issue) -> Order | None:
    """The order that the issue is about, or that its payment belongs to."""
    row = subject_of(issue)
    if isinstance(row, Order):
        return row
    key = payment_of(issue)
    link = OrderPayment.objects.filter(payment=key).select_related("order").first() if key else None
    return link.order if link else None
