"""Giving an oversold order what has come into stock since it was paid."""

from __future__ import annotations

from django import forms

from orders.admin.acting import Act, ReasonForm
from orders.models import Order
from orders.services.stock import BadStock, serve_oversold
from orders.states import OrderStatus


def serve(order: Order, form: forms.Form) -> str:
    if serve_oversold([order.pk], reason=form.cleaned_data["reason"]):
        return f"Order {order} has all that it needs now."
    return f"Order {order} still waits: what it lacks isn’t in stock."


SERVE = Act(
    name="serve",
    title="Serve from stock",
    permission="orders.change_order",
    button="Take from stock",
    explanation=lambda order: (
        f"Order {order} is oversold: it was paid when its products weren’t all in stock. It takes "
        "what is there now, each line whole or not at all."
    ),
    possible=lambda order: order.oversold and order.status == OrderStatus.PAID,
    form=lambda order, data: ReasonForm(data),
    perform=serve,
    refusals=(BadStock,),
)
