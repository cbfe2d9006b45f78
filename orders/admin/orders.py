"""Orders: found by number, address or any Stripe id; shown as what happened to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from auditlog.readonly import ReadOnlyAdmin
from orders import selectors
from orders.admin import columns
from orders.admin.acting import Act, ActingAdmin, ReasonForm
from orders.models import Order, WaitingPayment
from orders.services import handling
from orders.services.transitions import IllegalTransition
from orders.states import ALLOWED, OrderStatus, RefundStatus
from payments.admin.columns import admin_link, money_column
from payments.client import NotConfigured
from payments.models import CheckoutSession, PaymentIntent
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
    charge = handling.refund_order(
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


def fulfil(order: Order, form: forms.Form) -> str:
    handling.fulfil_order(order.pk, reason=form.cleaned_data["reason"])
    return f"Order {order} is fulfilled."


def cancel(order: Order, form: forms.Form) -> str:
    handling.cancel_order(order.pk, reason=form.cleaned_data["reason"])
    return f"Order {order} is canceled."


ACTS = (
    Act(
        name="fulfil",
        title="Fulfil",
        permission="orders.change_order",
        button="Mark as fulfilled",
        explanation=lambda order: (
            f"Order {order} has been sent or handed over. It stays fulfilled."
        ),
        possible=lambda order: OrderStatus.FULFILLED in ALLOWED[order.status],
        form=lambda order, data: ReasonForm(data),
        perform=fulfil,
        refusals=(IllegalTransition,),
    ),
    Act(
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
        refusals=(handling.RefundImpossible, RefundError, NotConfigured),
        uncertain=(RefundOutcomeUnknown,),
        refused=after_refusal,
        dangerous=True,
    ),
    Act(
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
    ),
)


class RefundStatusFilter(admin.SimpleListFilter):
    """A filter by the computed status; its values are known without asking the table."""

    title = "refund"
    parameter_name = "refund_status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in RefundStatus]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(refund_status=self.value()) if self.value() else queryset


@admin.register(Order)
class OrderAdmin(ActingAdmin, ReadOnlyAdmin[Order]):
    """Read-only but for what the services offer."""

    acts = ACTS
    change_form_template = "admin/orders/order/change_form.html"
    list_display = (
        "number",
        columns.status,
        columns.refund_status,
        money_column("total_minor"),
        money_column("refunded_minor"),
        columns.buyer,
        "placed_at",
    )
    list_filter = ("status", RefundStatusFilter, "oversold", "source")
    list_select_related = ("customer",)
    ordering = ("-placed_at", "-id")
    date_hierarchy = None
    search_help_text = (
        "An order number or its beginning, an e-mail address, or the Stripe id of a payment, "
        "charge, refund, session or customer. Several whole ones may be pasted."
    )
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "number",
                    columns.status,
                    columns.refund_status,
                    columns.buyer,
                    "email",
                    "source",
                )
            },
        ),
        (
            "Amounts",
            {
                "fields": tuple(
                    money_column(name)
                    for name in (
                        "total_minor",
                        "subtotal_minor",
                        "discount_minor",
                        "tax_minor",
                        "shipping_minor",
                        "captured_minor",
                        "refunded_minor",
                    )
                )
            },
        ),
        ("Times", {"fields": ("placed_at", "paid_at", "fulfilled_at", "canceled_at")}),
        ("Stripe", {"fields": ("intent", "session")}),
    )

    class Media:
        css = {"all": ["orders/admin.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[Any]:
        return [field for _, options in self.fieldsets for field in options["fields"]]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """There is a search; ``get_search_results`` says where."""
        return ["number"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """The orders that the pasted terms name."""
        terms: Sequence[str] = search_term.replace("\0", " ").replace(",", " ").split()
        return queryset.filter(selectors.find_orders(terms)), False

    @admin.display(description="payment intent")
    def intent(self, order: Order) -> str:
        """The intent that the order was made from."""
        key = order.payment_intent_id
        return admin_link(PaymentIntent, key) if key else columns.NONE

    @admin.display(description="Checkout session")
    def session(self, order: Order) -> str:
        """The session that needed no payment."""
        key = order.checkout_session_id
        return admin_link(CheckoutSession, key) if key else columns.NONE

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The order with its lines and all that happened to it."""
        order = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if order is not None and self.has_view_permission(request, order):
            context |= {
                "acts": self.open_acts(request, order),
                "detail": selectors.order_detail(order),
            }
        return super().change_view(request, object_id, form_url, context)


@admin.register(WaitingPayment)
class WaitingPaymentAdmin(ReadOnlyAdmin[WaitingPayment]):
    """Payments that wait for a session before an order is made of them."""

    list_display = ("payment", "due_at")
    ordering = ("due_at", "id")
    exact_search = ("payment",)
    search_help_text = "The Stripe id of a payment intent or a charge."
