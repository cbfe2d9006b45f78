"""Pages of customers, products, prices and coupons."""

from __future__ import annotations

from django.contrib import admin

from payments.admin.columns import money_column
from payments.admin.mirror import MirrorAdmin, Related, flag_column, reference_column
from payments.models import (
    Charge,
    Coupon,
    Customer,
    Invoice,
    PaymentIntent,
    Price,
    Product,
    Subscription,
)


@admin.register(Customer)
class CustomerAdmin(MirrorAdmin[Customer]):
    list_display = (
        "id",
        "name",
        "email",
        flag_column("delinquent"),
        flag_column("deleted"),
        "created",
    )
    search_help_text = "A customer's id or its beginning; the whole e-mail address."
    exact_search = ("email",)
    related = (
        Related("payment", PaymentIntent, "customer"),
        Related("charge", Charge, "customer"),
        Related("subscription", Subscription, "customer", ""),
        Related("invoice", Invoice, "customer", "total"),
    )


@admin.register(Product)
class ProductAdmin(MirrorAdmin[Product]):
    list_display = ("id", "name", flag_column("active"), flag_column("deleted"), "created")
    related = (Related("price", Price, "product", "unit_amount"),)


@admin.register(Price)
class PriceAdmin(MirrorAdmin[Price]):
    list_display = (
        "id",
        money_column("unit_amount"),
        "interval_count",
        "interval",
        reference_column("product", Product),
        flag_column("active"),
        "created",
    )


@admin.register(Coupon)
class CouponAdmin(MirrorAdmin[Coupon]):
    list_display = (
        "id",
        "name",
        "percent_off",
        money_column("amount_off"),
        "duration",
        flag_column("valid"),
        "created",
    )
