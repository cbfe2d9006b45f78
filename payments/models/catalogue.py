"""Mirror: who buys and what is sold. A deleted object stays, marked as deleted."""

from __future__ import annotations

from django.db import models

from payments.models.base import MirrorObject, StripeReference, currency_field, status_field


class Customer(MirrorObject):
    OBJECT = "customer"
    DASHBOARD = "customers"

    email = models.TextField(blank=True)
    name = models.TextField(blank=True)
    currency = currency_field(blank=True)
    balance = models.BigIntegerField(default=0)
    delinquent = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)

    class Meta(MirrorObject.Meta):
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="customer_created"),
            models.Index(fields=["email"], name="customer_email"),
        ]


class Product(MirrorObject):
    OBJECT = "product"
    DASHBOARD = "products"

    name = models.TextField()
    description = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    default_price = StripeReference("payments.Price")
    deleted = models.BooleanField(default=False)


class Price(MirrorObject):
    OBJECT = "price"
    DASHBOARD = "prices"

    product = StripeReference(Product)
    currency = currency_field()
    type = status_field(blank=True)
    billing_scheme = status_field(blank=True)
    unit_amount = models.BigIntegerField(null=True, blank=True)
    unit_amount_decimal = models.DecimalField(
        max_digits=32,
        decimal_places=12,
        null=True,
        blank=True,
        help_text="Stripe's only decimal amount, in minor units.",
    )
    interval = status_field(blank=True)
    interval_count = models.PositiveIntegerField(null=True, blank=True)
    usage_type = status_field(blank=True)
    nickname = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    deleted = models.BooleanField(default=False)


class Coupon(MirrorObject):
    OBJECT = "coupon"
    DASHBOARD = "coupons"

    name = models.TextField(blank=True)
    percent_off = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    amount_off = models.BigIntegerField(null=True, blank=True)
    currency = currency_field(blank=True)
    duration = status_field(blank=True)
    duration_in_months = models.PositiveIntegerField(null=True, blank=True)
    valid = models.BooleanField(default=True)
    deleted = models.BooleanField(default=False)
