"""Remedies on orders and their payments."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from monitoring.models import Issue
from monitoring.remedies.registry import about, remedy
from monitoring.subjects import order_of, payment_of, subject_of
from orders.admin import refunding, returning
from orders.admin.acting import Act, ReasonForm
from orders.admin.catalogue import StockForm, set_stock
from orders.admin.refunding import PartForm, RefundForm
from orders.admin.serving import SERVE
from orders.models import Order, OrderPayment, Product
from orders.refunds import refundable_charges
from orders.services.attaching import AttachImpossible, attach_payment
from orders.services.payment_facts import LONGEST_NUMBER, read_payments
from orders.services.stock import BadStock
from payments.client import NotConfigured
from payments.models import Refundable
from payments.money import format_money, format_number
from payments.refund_requests import RefundImpossible, Wish
from payments.refund_sending import refund_charge
from payments.refunds import RefundRefused


class NumberForm(forms.Form):
    """The order that a payment belongs to."""

    number = forms.CharField(
        label="Order number",
        max_length=LONGEST_NUMBER,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = ReasonForm.declared_fields["reason"]


def number_form(issue: Issue, data: Any) -> forms.Form:
    key = payment_of(issue)
    payment = read_payments([key]).get(key)
    named = (payment.names or payment.refers_to) if payment else ""
    return NumberForm(data, initial={"number": named})


def attach(issue: Issue, form: forms.Form) -> str:
    values = form.cleaned_data
    order = attach_payment(payment_of(issue), values["number"], reason=values["reason"])
    return f"The payment is order {order}’s now, which is {order.status}."


def has_no_order(issue: Issue) -> bool:
    key = payment_of(issue)
    return bool(key) and not OrderPayment.objects.filter(payment=key).exists()


ATTACH = remedy(
    Act(
        name="attach_payment",
        title="Attach to an order",
        permission="orders.change_order",
        button="Attach the payment",
        explanation=lambda issue: (
            f"The payment {payment_of(issue)} becomes one of the order that you name, and pays it "
            "as far as it goes. It can’t be taken from the order again."
        ),
        possible=has_no_order,
        form=number_form,
        perform=attach,
        refusals=(AttachImpossible,),
    )
)


def charges_left(issue: Issue) -> list[Refundable]:
    """The charges of the issue's payment of which something is left to refund."""
    key = payment_of(issue)
    payment = read_payments([key]).get(key) if key else None
    ids = [charge.pk for charge in payment.charges] if payment else []
    return [charge for charge in Refundable.objects.filter(pk__in=ids) if charge.left > 0]


def refund_payment(issue: Issue, form: forms.Form) -> str:
    values = form.cleaned_data
    requests = [
        refund_charge(
            Wish(
                uuid.uuid5(values["request"], charge.pk),
                charge.pk,
                charge.left,
                values["stripe_reason"],
                values["reason"],
            )
        )
        for charge in charges_left(issue)
    ]
    if not requests:
        raise RefundImpossible("nothing of it is left to refund")
    return refunding.told(requests)


remedy(
    Act(
        name="refund_payment",
        title="Refund the payment",
        permission="orders.refund_order",
        button="Ask Stripe for the refund",
        explanation=lambda issue: (
            "Refunds all that is left of it: "
            + "; ".join(
                f"{format_money(charge.left, charge.currency)} of {charge.pk}"
                for charge in charges_left(issue)
            )
            + ". No order has it, so none changes."
        ),
        possible=lambda issue: has_no_order(issue) and bool(charges_left(issue)),
        form=lambda issue, data: RefundForm(data),
        perform=refund_payment,
        moves=lambda issues, form: [
            (charge.left, charge.currency) for issue in issues for charge in charges_left(issue)
        ],
        refusals=(RefundImpossible, RefundRefused, NotConfigured),
        dangerous=True,
    )
)


def part_form(issue: Issue, data: Any) -> forms.Form:
    """The refund of what an order has too much, of its newest charge as far as that goes."""
    order = order_of(issue)
    assert order is not None
    *_, newest = refundable_charges(order)
    amount = min(order.captured_minor - order.refunded_minor - order.total_minor, newest.left)
    if amount <= 0 or newest.currency != order.currency:
        amount = newest.left
    return PartForm(order, data, charge=newest.pk, amount=format_number(amount, newest.currency))


def can_refund(issue: Issue) -> bool:
    order = order_of(issue)
    return order is not None and bool(refundable_charges(order))


def overpaid(issue: Issue) -> bool:
    order = order_of(issue)
    return (
        order is not None
        and order.captured_minor - order.refunded_minor > order.total_minor
        and can_refund(issue)
    )


remedy(
    about(
        order_of,
        refunding.REFUND,
        name="refund_duplicate",
        title="Refund the duplicate",
        possible=overpaid,
        form=part_form,
    )
)
remedy(about(order_of, refunding.REFUND, name="refund_part", possible=can_refund, form=part_form))
remedy(about(order_of, refunding.REFUND_ALL, name="refund_order", title="Refund all of it"))
remedy(about(order_of, SERVE, name="serve_order"))
remedy(about(order_of, returning.RESTOCK, name="restock_returned"))


def lacking(issue: Issue) -> list[Product]:
    """The products that an issue is about: itself one, or those that its oversold order lacks."""
    row = subject_of(issue)
    if isinstance(row, Product):
        return [row]
    if not isinstance(row, Order) or not row.oversold:
        return []
    return list(
        Product.objects.filter(lines__order=row, lines__taken=0, stock__isnull=False)
        .distinct()
        .order_by("sku")
    )


class RestockForm(StockForm):
    """How many there are of which product."""

    product = forms.ModelChoiceField(queryset=Product.objects.none(), empty_label=None)
    field_order = ("product", "stock", "reason")

    def __init__(self, products: list[Product], data: Any = None) -> None:
        super().__init__(data, initial={"product": products[0], "stock": products[0].stock})
        choice = self.fields["product"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = Product.objects.filter(pk__in=[product.pk for product in products])
        self.fields["stock"].help_text = "How many units there are that aren’t promised to anybody."
        self.fields["stock"].required = True


remedy(
    Act(
        name="restock",
        title="Restock",
        permission="orders.change_product",
        button="Set the stock",
        explanation=lambda issue: (
            "Says how many units there are now. Orders that wait because they were oversold are "
            "served from it first, the one that paid first before the others."
        ),
        possible=lambda issue: bool(lacking(issue)),
        form=lambda issue, data: RestockForm(lacking(issue), data),
        perform=lambda issue, form: set_stock(form.cleaned_data["product"], form),
        refusals=(BadStock,),
    )
)
