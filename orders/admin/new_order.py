"""An operator makes an order: who buys, what, for how much; a form that needs no JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.forms.formsets import BaseFormSet, formset_factory
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from orders.admin.acting import ActingAdmin, ListPage, ReasonForm
from orders.models import Order, Product
from orders.services.creation import create_order, new_number
from orders.services.new_orders import (
    LARGEST_QUANTITY,
    BadOrder,
    NewLine,
    NewOrder,
    OrderExists,
    faults,
    like_stripes,
)
from orders.services.payment_facts import LONGEST_EMAIL, LONGEST_NUMBER
from payments.money import CURRENCY, BadAmount, format_money, parse_money

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = 5
MOST_ROWS = 100


def text(size: int, **attributes: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"size": size, "autocomplete": "off", **attributes})


def amount(**options: Any) -> forms.CharField:
    return forms.CharField(required=False, max_length=40, widget=text(12), **options)


def read_amount(form: forms.Form, field: str, currency: str) -> int | None:
    """The field's amount in minor units; None where it is empty, or wrong (which it then says)."""
    value = form.cleaned_data.get(field, "")
    if not value or not currency:
        return None
    try:
        return parse_money(value, currency)
    except BadAmount as error:
        form.add_error(field, str(error))
        return None


class OrderForm(forms.Form):
    """The order but for its lines. The suggested number makes a double click harmless."""

    number = forms.CharField(
        max_length=LONGEST_NUMBER,
        widget=text(24),
        help_text="As it is suggested, or your own. A payment that names it pays this order.",
    )
    currency = forms.CharField(max_length=3, widget=text(4), help_text="Such as USD.")
    email = forms.CharField(
        label="E-mail", required=False, max_length=LONGEST_EMAIL, widget=text(40)
    )
    name = forms.CharField(required=False, max_length=255, widget=text(40))
    discount = amount(help_text="Within the lines’ totals already. Empty: not known.")
    tax = amount(help_text="Within the lines’ totals already. Empty: not known.")
    shipping = amount(help_text="On top of the lines. Empty: not known.")
    total = amount(help_text="Empty: the lines and shipping together.")
    reason = ReasonForm.declared_fields["reason"]

    def clean_number(self) -> str:
        number: str = self.cleaned_data["number"]
        if like_stripes(number):
            raise forms.ValidationError("That is how Stripe’s ids begin: choose another number.")
        return number

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].lower()
        if not CURRENCY.fullmatch(currency):
            raise forms.ValidationError("A currency has three letters, such as USD.")
        return currency

    def clean(self) -> dict[str, Any]:
        """Adds the amounts in minor units."""
        cleaned: dict[str, Any] = super().clean() or {}
        for field in ("discount", "tax", "shipping", "total"):
            cleaned[f"{field}_minor"] = read_amount(self, field, cleaned.get("currency", ""))
        return cleaned


class LineForm(forms.Form):
    """One line: a product or a description, and what it costs by the piece or in all."""

    sku = forms.CharField(label="SKU", required=False, max_length=255, widget=text(12))
    description = forms.CharField(required=False, max_length=500, widget=text(30))
    quantity = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST_QUANTITY,
        widget=forms.NumberInput(attrs={"size": 6}),
    )
    unit = amount(label="Each")
    line_total = amount(label="Total")

    def __init__(self, *args: Any, currency: str = "", **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Adds ``line_total_minor``."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.has_changed() or self.errors:
            return cleaned
        quantity = cleaned.get("quantity")
        if not (cleaned["sku"] or cleaned["description"]):
            self.add_error("description", "Say what is bought.")
        if quantity is None:
            self.add_error("quantity", "Say how many.")
        each = read_amount(self, "unit", self.currency)
        total = read_amount(self, "line_total", self.currency)
        if self.currency and not self.errors and quantity is not None:
            if each is not None and total is not None and each * quantity != total:
                told = format_money(each * quantity, self.currency)
                self.add_error("line_total", f"{quantity} of them are {told}.")
            elif each is not None:
                total = each * quantity
            elif total is None:
                self.add_error("line_total", "Say what it costs, by the piece or in all.")
        cleaned["line_total_minor"] = total
        return cleaned


class Lines(BaseFormSet[LineForm]):
    """The rows; those that are empty are none."""

    def clean(self) -> None:
        """Finds the products by their SKUs, with one statement."""
        skus = {form.cleaned_data.get("sku") for form in self.filled()} - {None, ""}
        self.products = {row.sku: row for row in Product.objects.filter(sku__in=skus)}
        for form in self.filled():
            sku = form.cleaned_data.get("sku")
            if sku and sku not in self.products:
                form.add_error("sku", "There is no product with this SKU.")

    def filled(self) -> list[LineForm]:
        return [form for form in self.forms if form.has_changed() and hasattr(form, "cleaned_data")]

    def lines(self) -> list[NewLine]:
        """The lines to be; call it where all is valid."""
        return [
            NewLine(
                description=values["description"] or self.products[values["sku"]].name,
                quantity=values["quantity"],
                total_minor=values["line_total_minor"],
                sku=values["sku"],
            )
            for values in (form.cleaned_data for form in self.filled())
        ]


LineFormSet = formset_factory(
    LineForm, formset=Lines, extra=ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS
)


def add_order(page: ActingAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows empty forms; POST makes the order, or with ``more`` only adds rows."""
    if request.method != "POST":
        return show(page, request, OrderForm(initial={"number": new_number()}), LineFormSet())
    if "more" in request.POST:
        return show(page, request, OrderForm(initial=request.POST.dict()), more_rows(request.POST))
    form = OrderForm(request.POST)
    form.is_valid()
    currency = form.cleaned_data.get("currency", "")
    lines: Any = LineFormSet(request.POST, form_kwargs={"currency": currency})
    if lines.is_valid() and form.is_valid():
        order = make(form, lines.lines())
        if order is not None:
            messages.success(request, f"Order {order} is made. It is {order.status}.")
            return HttpResponseRedirect(order.get_absolute_url())
    return show(page, request, form, lines)


def more_rows(data: Mapping[str, str]) -> Any:
    """The rows as they were typed, and some more; nothing is checked yet."""
    count = data.get("form-TOTAL_FORMS", "")
    rows = min(int(count), MOST_ROWS) if count.isascii() and count.isdecimal() else 0
    names = LineForm.base_fields
    typed = [{name: data.get(f"form-{n}-{name}", "") for name in names} for n in range(rows)]
    return LineFormSet(initial=typed)


def make(form: OrderForm, lines: list[NewLine]) -> Order | None:
    """The order; None where something of it can't be, which the form then says."""
    values = form.cleaned_data
    discount, tax, shipping = (
        values[f"{field}_minor"] for field in ("discount", "tax", "shipping")
    )
    bought = sum(line.total_minor for line in lines)
    total = values["total_minor"]
    if total is None:
        if not lines:
            form.add_error("total", "Without lines, say the total.")
            return None
        total = bought + (shipping or 0)
    elif lines and total != bought + (shipping or 0):
        told = format_money(bought + (shipping or 0), values["currency"])
        form.add_error("total", f"The lines and shipping together are {told}.")
        return None
    new = NewOrder(
        number=values["number"],
        currency=values["currency"],
        total_minor=total,
        lines=lines,
        email=values["email"],
        name=values["name"],
        subtotal_minor=None
        if discount is None or tax is None or not lines
        else bought - tax + discount,
        discount_minor=discount,
        tax_minor=tax,
        shipping_minor=shipping,
    )
    for fault in faults(new):
        form.add_error(fault.field if fault.field in form.fields else None, str(fault))
    if form.errors:
        return None
    try:
        return create_order(new, source=Order.Source.ADMIN, reason=values["reason"])
    except OrderExists as error:
        form.add_error("number", str(error))
    except BadOrder as error:
        form.add_error(None, str(error))
    return None


def show(page: ActingAdmin, request: HttpRequest, form: OrderForm, lines: Any) -> HttpResponse:
    context = {"form": form, "lines": lines, "full": lines.total_form_count() >= MOST_ROWS}
    return page.render_list_page(request, ADD_ORDER, "admin/orders/order/new_order.html", context)


ADD_ORDER = ListPage(
    name="new_order",
    title="Add an order",
    permission="orders.add_order",
    view=add_order,
)
