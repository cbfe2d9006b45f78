"""Orders: found by number, address or any Stripe id; shown as what happened to them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from auditlog.readonly import ReadOnlyAdmin
from orders.admin import columns
from orders.admin.acting import ActingAdmin
from orders.admin.bulk import Column
from orders.admin.handling import CANCEL, CORRECT, FULFIL, NOTE
from orders.admin.listing import OrderListing
from orders.admin.new_order import ADD_ORDER
from orders.admin.refunding import REFUND, REFUND_ALL, REFUND_LINES
from orders.admin.returning import RESTOCK
from orders.admin.serving import SERVE
from orders.admin.shipping_file import FULFIL_FILE
from orders.admin.story import story
from orders.detail import order_detail
from orders.models import Order, WaitingPayment
from payments.admin.columns import admin_link, money_column
from payments.models import CheckoutSession, PaymentIntent
from payments.money import format_money

AMOUNTS = (
    "total_minor",
    "subtotal_minor",
    "discount_minor",
    "tax_minor",
    "shipping_minor",
    "captured_minor",
)


@admin.register(Order)
class OrderAdmin(ActingAdmin, OrderListing):
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
    change_list_template = "admin/orders/order/change_list.html"
    list_pages = (ADD_ORDER, FULFIL_FILE)
    bulk_columns = (
        Column("Status", columns.status),
        Column("Total", lambda order: format_money(order.total_minor, order.currency), figure=True),
        Column("Buyer", columns.buyer),
    )
    change_form_template = "admin/orders/order/change_form.html"
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "number",
                    columns.status,
                    "flag_words",
                    columns.age,
                    columns.buyer,
                    "email",
                    "source",
                    "placed_at",
                    "paid_at",
                    "fulfilled_at",
                    "carrier",
                    "tracking_number",
                    "canceled_at",
                    "intent",
                    "session",
                ),
                "classes": ("dense",),
            },
        ),
        (
            "Amounts",
            {
                "fields": (*map(money_column, AMOUNTS), columns.refunded),
                "classes": ("dense",),
            },
        ),
    )

    class Media:
        css = {"all": ["orders/admin.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[Any]:
        return [field for _, options in self.fieldsets for field in options["fields"]]

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
                "now": timezone.now(),
                **story(order_detail(order), request.user, "all" in request.GET),
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
