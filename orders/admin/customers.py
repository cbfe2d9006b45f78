"""Buyers, and what they bought."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin

from auditlog.readonly import ReadOnlyAdmin
from orders.admin import columns
from orders.models import Customer, Order
from payments.admin.columns import admin_link, money
from payments.admin.mirror import moment, table
from payments.models import Customer as StripeCustomer

SHOWN = 50


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin[Customer]):
    """Made from what Stripe and the shop say of their buyers."""

    list_display = ("__str__", "email", "stripe", "created_at")
    ordering = ("-id",)
    exact_search = ("email", "stripe_customer")
    search_help_text = "An e-mail address, or Stripe’s customer id."
    fields = readonly_fields = ("name", "email", "stripe", "created_at", "last_orders")

    def search_values(self, name: str, terms: Sequence[str]) -> Sequence[str]:
        """Addresses are kept in lower case."""
        return [term.lower() for term in terms] if name == "email" else terms

    @admin.display(description="Stripe customer")
    def stripe(self, customer: Customer) -> str:
        """The customer at Stripe; a guest has none."""
        key = customer.stripe_customer_id
        return admin_link(StripeCustomer, key) if key else "guest"

    @admin.display(description=f"last {SHOWN} orders")
    def last_orders(self, customer: Customer) -> str:
        """The customer's newest orders."""
        orders = list(customer.orders.order_by("-placed_at", "-id")[:SHOWN])
        if not orders:
            return columns.NONE
        lines = [
            (
                admin_link(Order, order.pk, order.number),
                columns.status(order),
                money(order.total_minor, order.currency),
                moment(order.placed_at),
            )
            for order in orders
        ]
        return table(("Order", "Status", "Total", "Placed"), lines)
