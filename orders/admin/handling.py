"""Fulfilling and canceling an order, its tracking number, notes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from orders.admin.acting import Act, ReasonForm
from orders.admin.bulk import DONE, SKIPPED, Bulk, Outcome, counted
from orders.models import Order
from orders.services import canceling, fulfilment, handling
from orders.services.tracking import BadTracking, tracking
from orders.services.transitions import IllegalTransition
from orders.states import ALLOWED, OrderStatus
from payments.client import NotConfigured
from payments.closing import ClosingError, ClosingOutcomeUnknown
from payments.money import format_money

TEXT = {"size": 40, "autocomplete": "off"}
LONGEST_NOTE = 5000
# Orders at once where each may be a few calls to Stripe, within a request's time.
MOST_CALLS = 100


class TrackingForm(forms.Form):
    """Who carries the order, under which number, and why that is said."""

    carrier = forms.CharField(required=False, widget=forms.TextInput(attrs=TEXT))
    tracking_number = forms.CharField(required=False, widget=forms.TextInput(attrs=TEXT))
    reason = ReasonForm.declared_fields["reason"]

    def clean(self) -> dict[str, Any]:
        """Adds ``tracking``."""
        cleaned: dict[str, Any] = super().clean() or {}
        for field, values in (
            ("carrier", (cleaned.get("carrier", ""), "")),
            ("tracking_number", ("", cleaned.get("tracking_number", ""))),
        ):
            try:
                tracking(*values)
            except BadTracking as error:
                self.add_error(field, str(error))
        if not self.errors:
            cleaned["tracking"] = tracking(cleaned["carrier"], cleaned["tracking_number"])
        return cleaned


class NoteForm(forms.Form):
    """What is noted. ``request`` names the wish: sent twice, it is one note."""

    text = forms.CharField(
        label="Note",
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="Everybody who sees the order reads it. It can’t be changed or deleted.",
    )
    request = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"request": uuid.uuid4()})


def fulfil(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    handling.fulfil_order(order.pk, reason=values["reason"], tracking=values["tracking"])
    return f"Order {order} is fulfilled."


def fulfil_all(orders: Sequence[Order], form: forms.Form) -> list[Outcome]:
    done = fulfilment.fulfil_many(
        [fulfilment.Shipment(order.number) for order in orders], reason=form.cleaned_data["reason"]
    )
    return [
        Outcome(order, SKIPPED if one.refusal else DONE, one.refusal or "is fulfilled")
        for order, one in zip(orders, done, strict=True)
    ]


def correct(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    fulfilment.correct_tracking(order.pk, values["tracking"], reason=values["reason"])
    return f"Order {order} has {values['tracking']} now."


def note(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    handling.add_note(order.pk, text=values["text"], request=values["request"])
    return f"Noted for order {order}."


def cancel(order: Order, form: forms.Form) -> str:
    canceling.call_off(order.pk, reason=form.cleaned_data["reason"])
    return f"Order {order} is canceled."


def what_canceling_does(order: Order) -> str:
    payments = canceling.open_payments(order)
    told = f"Order {order} isn’t paid. Canceled, it stays canceled."
    if payments:
        open_ = ", ".join((*payments.sessions, *payments.intents))
        told += f" What can still be paid for it is canceled at Stripe first: {open_}."
    if order.captured_minor > order.refunded_minor:
        kept = format_money(order.captured_minor - order.refunded_minor, order.currency)
        told += f" {kept} has been captured for it: that must be refunded apart."
    return f"{told} A payment that comes later is kept and must be refunded."


FULFIL = Act(
    name="fulfil",
    title="Fulfil",
    permission="orders.change_order",
    button="Mark as fulfilled",
    explanation=lambda order: f"Order {order} has been sent or handed over. It stays fulfilled.",
    possible=lambda order: OrderStatus.FULFILLED in ALLOWED[order.status],
    form=lambda order, data: TrackingForm(data),
    perform=fulfil,
    refusals=(IllegalTransition,),
    bulk=Bulk(
        explanation=lambda count: (
            f"{counted(count, 'paid order')} sent or handed over. What is fulfilled stays so."
        ),
        form=ReasonForm,
        perform=fulfil_all,
    ),
)


CORRECT = Act(
    name="tracking",
    title="Correct tracking",
    permission="orders.change_order",
    button="Correct it",
    explanation=lambda order: (
        f"Order {order} was fulfilled with {fulfilment.tracking_of(order)}. What is said here "
        "takes its place."
    ),
    possible=lambda order: order.status == OrderStatus.FULFILLED,
    form=lambda order, data: TrackingForm(
        data,
        initial={"carrier": order.carrier, "tracking_number": order.tracking_number},
    ),
    perform=correct,
    refusals=(BadTracking,),
)


NOTE = Act(
    name="note",
    title="Add a note",
    permission="orders.change_order",
    button="Add the note",
    explanation=lambda order: f"For whoever works on order {order} next. The buyer never sees it.",
    possible=lambda order: True,
    form=lambda order, data: NoteForm(data),
    perform=note,
    bulk=Bulk(
        explanation=lambda count: f"The same note for {counted(count, 'order')}.",
        form=NoteForm,
    ),
)


CANCEL = Act(
    name="cancel",
    title="Cancel",
    permission="orders.change_order",
    button="Cancel the order",
    explanation=what_canceling_does,
    possible=lambda order: order.status == OrderStatus.PENDING,
    form=lambda order, data: ReasonForm(data),
    perform=cancel,
    refusals=(IllegalTransition, canceling.PaymentOpen, ClosingError, NotConfigured),
    uncertain=(ClosingOutcomeUnknown,),
    dangerous=True,
    bulk=Bulk(
        explanation=lambda count: (
            f"{counted(count, 'order')} not paid yet. What can still be paid for them is canceled "
            "at Stripe first. What is canceled stays canceled; a payment that comes later is kept "
            "and must be refunded."
        ),
        form=ReasonForm,
        most=MOST_CALLS,
    ),
)
