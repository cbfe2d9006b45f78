"""Refunding an order: the form, and what comes of it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from orders import selectors
from orders.admin.acting import Act, ReasonForm
from orders.models import Order
from orders.services import refunding
from payments.client import NotConfigured
from payments.money import BadAmount, format_money, format_number, parse_money
from payments.refunds import RefundError, RefundOutcomeUnknown


class RefundForm(forms.Form):
    """How much of which charge goes back, and why. ``request`` names the wish: sent twice, it is
    one refund."""

    charge = forms.ChoiceField()
    amount = forms.CharField(widget=forms.TextInput(attrs={"size": 16, "autocomplete": "off"}))
    reason = ReasonForm.declared_fields["reason"]
    request = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, order: Order, data: Any = None) -> None:
        self.charges = {charge.charge_id: charge for charge in selectors.refundable_charges(order)}
        first = next(iter(self.charges.values()), None)
        super().__init__(
            data,
            initial={
                "request": uuid.uuid4(),
                "amount": format_number(first.left, first.currency) if first else "",
            },
        )
        charge = self.fields["charge"]
        assert isinstance(charge, forms.ChoiceField)
        charge.choices = [
            (key, f"{key} · {format_money(row.left, row.currency)} left to refund")
            for key, row in self.charges.items()
        ]
        self.fields["amount"].help_text = "In the charge’s currency, at most what is left."

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


def refund(order: Order, form: forms.Form) -> str:
    values = form.cleaned_data
    charge = refunding.refund_order(
        order.pk,
        charge_id=values["charge"],
        amount=values["amount_minor"],
        reason=values["reason"],
        request=str(values["request"]),
    )
    return (
        f"Stripe took the refund of {format_money(values['amount_minor'], charge.currency)}. "
        "It counts here once Stripe says that it succeeded."
    )


def after_refusal(order: Order, form: forms.Form, error: Exception) -> forms.Form:
    """The form again. What Stripe refused is over, so another try is another wish; where the
    outcome is unknown the wish stays the same, lest there be two refunds."""
    if isinstance(error, RefundOutcomeUnknown):
        return form
    again = RefundForm(
        order, {**{key: form.data.get(key) for key in form.data}, "request": str(uuid.uuid4())}
    )
    again.full_clean()
    return again


REFUND = Act(
    name="refund",
    title="Refund",
    permission="orders.refund_order",
    button="Ask Stripe for the refund",
    explanation=lambda order: (
        f"{format_money(order.captured_minor, order.currency)} captured, "
        f"{format_money(order.refunded_minor, order.currency)} refunded so far. "
        "A full refund of an order that isn’t fulfilled cancels it and restocks its lines."
    ),
    possible=lambda order: order.captured_minor > order.refunded_minor,
    form=RefundForm,
    perform=refund,
    refusals=(refunding.RefundImpossible, RefundError, NotConfigured),
    uncertain=(RefundOutcomeUnknown,),
    refused=after_refusal,
    dangerous=True,
)
