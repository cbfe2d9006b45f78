"""Fulfilling and canceling an order."""

from __future__ import annotations

from django import forms

from orders.admin.acting import Act, ReasonForm
from orders.admin.bulk import Bulk, counted
from orders.models import Order
from orders.services import handling
from orders.services.transitions import IllegalTransition
from orders.states import ALLOWED, OrderStatus


def fulfil(order: Order, form: forms.Form) -> str:
    handling.fulfil_order(order.pk, reason=form.cleaned_data["reason"])
    return f"Order {order} is fulfilled."


def cancel(order: Order, form: forms.Form) -> str:
    handling.cancel_order(order.pk, reason=form.cleaned_data["reason"])
    return f"Order {order} is canceled."


FULFIL = Act(
    name="fulfil",
    title="Fulfil",
    permission="orders.change_order",
    button="Mark as fulfilled",
    explanation=lambda order: f"Order {order} has been sent or handed over. It stays fulfilled.",
    possible=lambda order: OrderStatus.FULFILLED in ALLOWED[order.status],
    form=lambda order, data: ReasonForm(data),
    perform=fulfil,
    refusals=(IllegalTransition,),
    bulk=Bulk(
        explanation=lambda count: (
            f"{counted(count, 'paid order')} sent or handed over. What is fulfilled stays so."
        ),
        form=ReasonForm,
    ),
)


CANCEL = Act(
    name="cancel",
    title="Cancel",
    permission="orders.change_order",
    button="Cancel the order",
    explanation=lambda order: (
        f"Order {order} isn’t paid. Canceled, it stays canceled; a payment that comes later is "
        "kept and must be refunded."
    ),
    possible=lambda order: order.status == OrderStatus.PENDING,
    form=lambda order, data: ReasonForm(data),
    perform=cancel,
    refusals=(IllegalTransition,),
    dangerous=True,
    bulk=Bulk(
        explanation=lambda count: (
            f"{counted(count, 'order')} not paid yet. What is canceled stays canceled; a payment "
            "that comes later is kept and must be refunded."
        ),
        form=ReasonForm,
    ),
)
