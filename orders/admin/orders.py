"""Orders: found by number, address or any Stripe id; shown as what happened to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from auditlog.readonly import ReadOnlyAdmin
from orders import selectors
from orders.admin import columns
from orders.admin.acting import ActingAdmin
from orders.admin.bulk import Column
from orders.admin.handling import CANCEL, CORRECT, FULFIL, NOTE
from orders.admin.new_order import ADD_ORDER
from orders.admin.refunding import REFUND, REFUND_ALL, REFUND_LINES
from orders.admin.returning import RESTOCK
from orders.admin.serving import SERVE
from orders.admin.shipping_file import FULFIL_FILE
from orders.models import Order, WaitingPayment
from orders.states import RefundStatus
from payments.admin.columns import admin_link, money_column
from payments.models import CheckoutSession, PaymentIntent
from payments.money import format_money


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

    acts = (
        FULFIL,
        CORRECT,
        SERVE,
        REFUND_ALL,
        REFUND,
        REFUND_LINES,
        RESTOCK,
        CANCEL,
        NOTE,
    )
    list_pages = (ADD_ORDER, FULFIL_FILE)
    bulk_columns = (
        Column("Status", columns.status),
        Column("Total", lambda order: format_money(order.total_minor, order.currency), figure=True),
        Column("Buyer", columns.buyer),
    )
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
    nothing_here = "No payment is waiting for its session."
    ordering = ("due_at", "id")
    exact_search = ("payment",)
    search_help_text = "The Stripe id of a payment intent or a charge."
