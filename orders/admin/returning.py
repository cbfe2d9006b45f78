"""Goods that come back: how many of a line, in the form of a refund or by themselves."""

from __future__ import annotations

from typing import Any

from django import forms

from orders import refunds
from orders.admin.acting import Act, ReasonForm
from orders.models import Order
from orders.refunds import ReturnableLine
from orders.services import returning
from payments.money import format_money


class ReturnedLineWidget(forms.MultiWidget):
    """A number of units, and whether they go back into stock."""

    template_name = "admin/orders/returned_line.html"

    def __init__(self, what: str, most: int, restockable: int) -> None:
        self.most, self.restockable = most, restockable
        super().__init__(
            [
                forms.NumberInput(
                    attrs={"min": 0, "max": most, "aria-label": f"Units of {what} to refund"}
                ),
                forms.CheckboxInput(attrs={} if restockable else {"disabled": True}),
            ]
        )

    def decompress(self, value: Any) -> list[Any]:
        return list(value) if value else [0, False]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        return {**context, "most": self.most, "restockable": self.restockable}


class ReturnedLineField(forms.MultiValueField):
    """``(quantity, restock)`` of a line; nothing of it by default."""

    def __init__(self, row: ReturnableLine, currency: str, *, restock: bool) -> None:
        line = row.line
        what = line.description or "a line without a description"
        super().__init__(
            [
                forms.IntegerField(min_value=0, max_value=row.left, required=False),
                forms.BooleanField(required=False),
            ],
            widget=ReturnedLineWidget(what, row.left, row.restockable),
            required=False,
            require_all_fields=False,
            label=f"{line.quantity} × {what}, {format_money(line.total_minor, currency)}",
            initial=(0, restock and bool(row.restockable)),
        )

    def compress(self, data_list: list[Any]) -> tuple[int, bool]:
        quantity, restock = data_list or (0, False)
        return quantity or 0, bool(restock)


class RestockForm(forms.Form):
    """How many units of each line came back. What each had is sent along, so that a form that is
    sent twice does it once."""

    reason = ReasonForm.declared_fields["reason"]

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        self.rows = [row for row in refunds.returnable_lines(order) if row.restockable]
        reason = self.fields.pop("reason")
        for row in self.rows:
            line = row.line
            self.fields[f"line_{line.pk}"] = forms.IntegerField(
                min_value=0,
                max_value=row.restockable,
                required=False,
                initial=0,
                label=f"{line.quantity} × {line.description or 'without a description'}",
                help_text=f"At most {row.restockable}.",
            )
            self.fields[f"seen_{line.pk}"] = forms.IntegerField(
                widget=forms.HiddenInput, initial=line.taken
            )
        self.fields["reason"] = reason

    def numbers(self, name: str) -> dict[int, int]:
        """The cleaned numbers by line."""
        values = self.cleaned_data
        return {row.line.pk: values.get(f"{name}_{row.line.pk}") or 0 for row in self.rows}


def restock(order: Order, form: forms.Form) -> str:
    assert isinstance(form, RestockForm)
    quantities = form.numbers("line")
    returning.restock_returned(
        order.pk,
        quantities,
        seen=form.numbers("seen"),
        reason=form.cleaned_data["reason"],
    )
    count = sum(quantities.values())
    return f"{count} unit{'' if count == 1 else 's'} went back into stock."


RESTOCK = Act(
    name="restock",
    title="Restock returned goods",
    permission="orders.refund_order",
    button="Put into stock",
    explanation=lambda order: (
        f"Order {order} was sent and refunded. What came back is put into stock again; the refund "
        "isn’t touched."
    ),
    possible=lambda order: (
        returning.can_restock(order) and any(line.taken for line in order.lines.all())
    ),
    form=RestockForm,
    perform=restock,
    refusals=(returning.RestockImpossible,),
)
