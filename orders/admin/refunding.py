"""Refunding an order in full, in part or by lines: the forms, and what comes of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from orders import refunds
from orders.admin.acting import Act, ReasonForm
from orders.admin.bulk import DONE, SKIPPED, UNKNOWN, Bulk, Outcome, counted
from orders.admin.returning import ReturnedLineField
from orders.models import Order
from orders.services import refunding
from orders.services.refunding import Returned, describe
from orders.states import OrderStatus
from payments.client import NotConfigured
from payments.models import RefundReason, RefundRequest
from payments.money import BadAmount, format_money, format_number, parse_money
from payments.refund_limit import Money
from payments.refund_requests import RefundImpossible
from payments.refunds import RefundRefused


class RefundForm(forms.Form):
    """Why, for Stripe and for us. ``request`` names the wish: sent twice, it is one refund."""

    stripe_reason = forms.ChoiceField(
        label="Reason for Stripe",
        choices=RefundReason.choices,
        required=False,
        help_text="Fraudulent puts card and e-mail address on Stripe’s block lists.",
    )
    reason = ReasonForm.declared_fields["reason"]
    request = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, **initial: Any) -> None:
        super().__init__(data, initial={"request": uuid.uuid4(), **initial})
        self.fields["reason"].help_text = "Kept in the audit log, and told to Stripe."


class PartForm(RefundForm):
    """How much of which charge goes back."""

    charge = forms.ChoiceField()
    amount = forms.CharField(widget=forms.TextInput(attrs={"size": 16, "autocomplete": "off"}))
    field_order = ("charge", "amount", "stripe_reason", "reason")

    def __init__(self, order: Order, data: Any = None, **initial: Any) -> None:
        self.order = order
        self.charges = {charge.pk: charge for charge in self.offered()}
        super().__init__(data, **initial)
        charge = self.fields["charge"]
        assert isinstance(charge, forms.ChoiceField)
        charge.choices = [
            (key, f"{key} · {format_money(row.left, row.currency)} left to refund")
            for key, row in self.charges.items()
        ]
        first = next(iter(self.charges.values()), None)
        if first:
            self.initial.setdefault("amount", format_number(first.left, first.currency))
        self.fields["amount"].help_text = "In the charge’s currency, at most what is left."

    def offered(self) -> list[Any]:
        """The charges that may be chosen."""
        return refunds.refundable_charges(self.order)

    def clean(self) -> dict[str, Any]:
        """Adds ``amount_minor``."""
        cleaned: dict[str, Any] = super().clean() or {}
        charge = self.charges.get(cleaned.get("charge", ""))
        if charge and cleaned.get("amount"):
            try:
                cleaned["amount_minor"] = parse_money(cleaned["amount"], charge.currency)
            except BadAmount as error:
                self.add_error("amount", str(error))
        return cleaned


class LinesForm(PartForm):
    """How many of which line go back, and how much that is: their price, unless it is changed."""

    def __init__(self, order: Order, data: Any = None) -> None:
        self.lines = {
            f"line_{row.line.pk}": row for row in refunds.returnable_lines(order) if row.left
        }
        super().__init__(order, data, amount="")
        sent = order.status == OrderStatus.FULFILLED
        last = [self.fields.pop(name) for name in ("amount", "stripe_reason", "reason", "request")]
        for name, row in self.lines.items():
            self.fields[name] = ReturnedLineField(row, order.currency, restock=not sent)
        amount, stripe_reason, reason, request = last
        amount.required = False
        amount.help_text = (
            "Leave it empty to be told what the lines come to; it can be changed then. "
            "Nothing is refunded before it is filled in."
        )
        self.fields |= {
            "amount": amount,
            "stripe_reason": stripe_reason,
            "reason": reason,
            "request": request,
        }

    def offered(self) -> list[Any]:
        return [charge for charge in super().offered() if charge.currency == self.order.currency]

    def clean(self) -> dict[str, Any]:
        """Adds ``returned``; proposes an amount where none is given."""
        cleaned = super().clean()
        returned = [
            (row, *cleaned[name]) for name, row in self.lines.items() if cleaned.get(name, (0,))[0]
        ]
        cleaned["returned"] = [
            Returned(row.line.pk, quantity, restock) for row, quantity, restock in returned
        ]
        if not returned and not self.errors:
            self.add_error(None, "Say how many of which line.")
        elif not cleaned.get("amount") and not self.errors:
            worth = sum(
                refunding.suggested(row.line, quantity, self.order.currency, row.refunded)
                for row, quantity, _ in returned
            )
            charge = self.charges[cleaned["charge"]]
            proposed = format_number(min(worth, charge.left), charge.currency)
            self.data = {**{key: self.data.get(key) for key in self.data}, "amount": proposed}
            self.add_error(
                "amount",
                f"The lines come to {format_money(worth, charge.currency)}"
                + (f", of which {charge.pk} has less left" if worth > charge.left else "")
                + ". Change the amount if it should be another, and send the form again.",
            )
        return cleaned


def refund_part(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    request = refunding.refund_order(
        order.pk,
        charge_id=values["charge"],
        amount=values["amount_minor"],
        reason=values["reason"],
        request=values["request"],
        stripe_reason=values["stripe_reason"],
        returned=values.get("returned", ()),
    )
    return told([request])


def refund_all(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    [found] = refunding.refund_in_full(
        [order.pk],
        reason=values["reason"],
        wish=values["request"],
        stripe_reason=values["stripe_reason"],
    )
    if found.problem:
        raise RefundImpossible(found.problem)
    return told(found.requests)


def refund_many(orders: Sequence[Order], form: forms.Form) -> list[Outcome]:
    values = form.cleaned_data
    found = refunding.refund_in_full(
        [order.pk for order in orders],
        reason=values["reason"],
        wish=values["request"],
        stripe_reason=values["stripe_reason"],
    )
    return [
        Outcome(order, SKIPPED if one.refused else UNKNOWN if one.unknown else DONE, one.words)
        for order, one in zip(orders, found, strict=True)
    ]


def told(requests: Any) -> str:
    """What came of the requests.

    Raises:
        RefundRefused: Stripe refused them all.
    """
    if all(request.status == RefundRequest.Status.REFUSED for request in requests):
        raise RefundRefused(requests[0].error, requests[0].code)
    return (
        "; ".join(f"Refund of {describe(request)}" for request in requests)
        + ". It counts here once Stripe says that it succeeded."
    )


def sent_before(order: Order, data: QueryDict) -> str:
    """What came of the wish that a form names, if it was sent before and came to something.

    The order has changed since, so by itself the form would be wrong now: whoever clicks twice
    would read that nothing was done.
    """
    try:
        requests = refunding.asked_before(order.pk, uuid.UUID(data.get("request", "")))
    except ValueError:
        return ""
    return told(requests) if requests else ""


def after_refusal(order: Order, form: forms.Form, error: Exception) -> forms.Form:
    """The form again. What was refused is over, so another try is another wish."""
    data = {key: form.data.get(key) for key in form.data}
    again: forms.Form = FORMS[type(form)](order, {**data, "request": str(uuid.uuid4())})
    again.full_clean()
    return again


def full_form(order: Order, data: Any) -> forms.Form:
    return RefundForm(data)


def consequence(order: Order) -> str:
    """What a full refund does."""
    if order.status == OrderStatus.PAID:
        return "A full refund of an order that isn’t fulfilled cancels it and restocks its lines."
    if order.status == OrderStatus.FULFILLED:
        return "The order stays fulfilled; only what is said to have come back is restocked."
    return f"The order stays {order.status}."


def standing(order: Order) -> str:
    return (
        f"{format_money(order.captured_minor, order.currency)} captured, "
        f"{format_money(order.refunded_minor, order.currency)} refunded so far."
    )


def all_that_is_left(order: Order) -> str:
    charges = refunds.refundable_charges(order)
    listed = "; ".join(f"{format_money(one.left, one.currency)} of {one.pk}" for one in charges)
    return (
        f"{standing(order)} Refunds all that is left: {listed or 'nothing'}. {consequence(order)}"
    )


def has_something_left(order: Order) -> bool:
    return order.captured_minor > order.refunded_minor


def chosen_amount(orders: Sequence[Order], form: PartForm) -> list[Money]:
    """What a refund by amount or by lines sends back."""
    values = form.cleaned_data
    return [(values["amount_minor"], form.charges[values["charge"]].currency)]


def all_of_them(orders: Sequence[Order], form: forms.Form) -> list[Money]:
    """What full refunds of the orders send back; two statements."""
    found = refunds.captured_charges([order.pk for order in orders])
    return [(one.left, one.currency) for charges in found.values() for one in charges]


FORMS: dict[type, Any] = {
    PartForm: PartForm,
    LinesForm: LinesForm,
    RefundForm: full_form,
}
COMMON: dict[str, Any] = {
    "permission": "orders.refund_order",
    "button": "Ask Stripe for the refund",
    "refusals": (RefundImpossible, RefundRefused, NotConfigured),
    "refused": after_refusal,
    "repeated": sent_before,
    "dangerous": True,
}

REFUND_ALL = Act(
    name="refund_all",
    title="Refund in full",
    explanation=all_that_is_left,
    possible=has_something_left,
    form=full_form,
    perform=refund_all,
    moves=all_of_them,
    bulk=Bulk(
        explanation=lambda count: (
            f"All that is left of {counted(count, 'paid order')} goes back to the buyers. Those "
            "that aren’t fulfilled are canceled and restocked when their refund succeeds. What "
            "Stripe can’t be asked for at once is sent by itself, and shown on each order."
        ),
        form=RefundForm,
        perform=refund_many,
    ),
    **COMMON,
)

REFUND = Act(
    name="refund",
    title="Refund an amount",
    explanation=lambda order: f"{standing(order)} {consequence(order)}",
    # A payment in another currency pays nothing of the order, and can be given back all the same.
    possible=lambda order: has_something_left(order) or bool(refunds.refundable_charges(order)),
    form=PartForm,
    perform=refund_part,
    moves=chosen_amount,
    **COMMON,
)

REFUND_LINES = Act(
    name="refund_lines",
    title="Refund lines",
    explanation=lambda order: (
        f"{standing(order)} What is ticked goes back into stock when the refund succeeds. "
        f"{consequence(order)}"
    ),
    possible=lambda order: has_something_left(order) and order.lines.exists(),
    form=LinesForm,
    perform=refund_part,
    moves=chosen_amount,
    **COMMON,
)
