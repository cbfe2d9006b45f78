"""Pages of customers, products, prices and coupons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.utils.html import format_html

from payments.admin.columns import money, money_column
from payments.admin.mirror import MirrorAdmin, Related, Shown, flag_column, reference_column
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

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


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


@admin.display(description="percent off")
def percent_off(coupon: Coupon) -> SafeString:
    """What share a coupon takes off; it has this or an amount."""
    percent = coupon.percent_off
    text = "–" if percent is None else f"{percent.normalize():f} %"
    return format_html('<span class="figure">{}</span>', text)


@admin.display(description="amount off")
def amount_off(coupon: Coupon) -> SafeString:
    """What amount a coupon takes off; it has this or a share."""
    if coupon.amount_off is None:
        return format_html('<span class="figure">{}</span>', "–")
    return money(coupon.amount_off, coupon.currency)


@admin.register(Coupon)
class CouponAdmin(MirrorAdmin[Coupon]):
    shown_as: ClassVar[Mapping[str, Shown]] = {"percent_off": percent_off, "amount_off": amount_off}
    list_display = (
        "id",
        "name",
        percent_off,
        amount_off,
        "duration",
        flag_column("valid"),
        "created",
    )
