"""Pages of Checkout sessions, subscriptions and invoices."""

from __future__ import annotations

from django.contrib import admin

from payments.admin.columns import money_column
from payments.admin.mirror import MirrorAdmin, Related, flag_column, reference_column
from payments.models import (
    CheckoutSession,
    Customer,
    Invoice,
    InvoicePayment,
    PaymentIntent,
    Subscription,
)


@admin.register(CheckoutSession)
class CheckoutSessionAdmin(MirrorAdmin[CheckoutSession]):
    list_display = (
        "id",
        "mode",
        money_column("amount_total", "total"),
        "payment_status",
        "status",
        reference_column("payment_intent", PaymentIntent),
        "created",
    )
    search_help_text = "A session's id or its beginning; the id of its payment intent."
    exact_search = ("payment_intent",)


@admin.register(Subscription)
class SubscriptionAdmin(MirrorAdmin[Subscription]):
    list_display = (
        "id",
        "status",
        reference_column("customer", Customer),
        "current_period_end",
        flag_column("cancel_at_period_end"),
        "canceled_at",
        "created",
    )
    search_help_text = "A subscription's id or its beginning; the id of its customer."
    exact_search = ("customer",)
    related = (Related("invoice", Invoice, "subscription", "total"),)


@admin.register(Invoice)
class InvoiceAdmin(MirrorAdmin[Invoice]):
    list_display = (
        "id",
        "number",
        money_column("total"),
        money_column("amount_paid", "paid"),
        "status",
        reference_column("subscription", Subscription),
        reference_column("customer", Customer),
        "created",
    )
    search_help_text = "An invoice's id or its beginning; the id of its subscription or customer."
    exact_search = ("subscription", "customer")
    related = (Related("payment", InvoicePayment, "invoice", "amount_paid"),)


@admin.register(InvoicePayment)
class InvoicePaymentAdmin(MirrorAdmin[InvoicePayment]):
    list_display = (
        "id",
        reference_column("invoice", Invoice),
        reference_column("payment_intent", PaymentIntent),
        money_column("amount_paid", "paid"),
        "status",
        "created",
    )
    search_help_text = "Its id or its beginning; the id of its invoice or payment intent."
    exact_search = ("invoice", "payment_intent")
    # Of its own columns only the key is indexed.
    ordering = ("-id",)
