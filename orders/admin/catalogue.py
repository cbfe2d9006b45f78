"""Products: what is sold, and how many there are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from auditlog.readonly import ReadOnlyAdmin
from orders.admin import columns
from orders.admin.acting import Act, ActingAdmin, ReasonForm
from orders.models import Product
from orders.services.stock import LARGEST_STOCK, BadStock, adjust_stock
from payments.admin.columns import admin_link
from payments.models import Product as StripeProduct

# So many orders are named when a stock serves those that waited.
MOST_NUMBERS = 10


class StockForm(forms.Form):
    """How many there are; empty: nobody counts them."""

    stock = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LARGEST_STOCK,
        help_text="How many units there are. Empty: they aren’t counted.",
    )
    reason = ReasonForm.declared_fields["reason"]


def set_stock(product: Product, form: forms.Form) -> str:
    stock = form.cleaned_data["stock"]
    adjusted = adjust_stock(product.pk, stock, reason=form.cleaned_data["reason"])
    left = adjusted.product.stock
    told = f"The stock of {product} is {'not counted' if left is None else left} now."
    if count := len(adjusted.served):
        numbers = ", ".join(order.number for order in adjusted.served[:MOST_NUMBERS])
        more = f" and {count - MOST_NUMBERS} more" if count > MOST_NUMBERS else ""
        told += f" Served first, because they waited for it: {numbers}{more}."
    return told


@admin.register(Product)
class ProductAdmin(ActingAdmin, ReadOnlyAdmin[Product]):
    """Read-only but for the stock, which is set with a reason."""

    acts = (
        Act(
            name="stock",
            title="Set stock",
            permission="orders.change_product",
            button="Set the stock",
            explanation=lambda product: (
                "Paid orders have taken what is theirs: count what isn’t promised to anybody. "
                "Orders that wait because they were oversold are served from it first, the one "
                "that paid first before the others."
            ),
            possible=lambda product: True,
            form=lambda product, data: StockForm(data, initial={"stock": product.stock}),
            perform=set_stock,
            refusals=(BadStock,),
        ),
    )
    change_form_template = "admin/orders/product/change_form.html"
    list_display = ("sku", "name", "stock_figure", "sold")
    list_filter = ("active",)
    ordering = ("sku",)
    prefix_search = ("sku",)
    exact_search = ("stripe_product",)
    search_help_text = "An SKU or its beginning, or Stripe’s product id."
    fields = readonly_fields = (
        "sku",
        "name",
        "stock_figure",
        "sold",
        "stripe",
        "created_at",
    )

    @admin.display(description="stock")
    def stock_figure(self, product: Product) -> str:
        """How many there are."""
        text = "not counted" if product.stock is None else f"{product.stock:,}"
        return format_html('<span class="figure">{}</span>', text)

    @admin.display(description="active")
    def sold(self, product: Product) -> str:
        """Whether it is on sale."""
        return "yes" if product.active else "no"

    @admin.display(description="Stripe product")
    def stripe(self, product: Product) -> str:
        """The product at Stripe."""
        key = product.stripe_product_id
        return admin_link(StripeProduct, key) if key else columns.NONE

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The product, and what may be done to it."""
        product = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if product is not None:
            context["acts"] = self.open_acts(request, product)
        return super().change_view(request, object_id, form_url, context)
