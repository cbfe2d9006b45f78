"""Mirror: Checkout sessions, subscriptions and invoices."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.models.base import (
    MirrorObject,
    StripeReference,
    currency_check,
    currency_field,
    status_field,
)
from payments.models.catalogue import Customer
from payments.models.money import Charge, PaymentIntent


class CheckoutSession(MirrorObject):
    """Amounts that Stripe didn't say are null: unknown, which isn't 0."""

    OBJECT = "checkout.session"

    mode = status_field()
    status = status_field(blank=True)
    payment_status = status_field()
    currency = currency_field(blank=True)
    amount_subtotal = models.BigIntegerField(null=True, blank=True)
    amount_total = models.BigIntegerField(null=True, blank=True)
    amount_discount = models.BigIntegerField(null=True, blank=True)
    amount_tax = models.BigIntegerField(null=True, blank=True)
    amount_shipping = models.BigIntegerField(null=True, blank=True)
    client_reference_id = models.CharField(max_length=255, blank=True)
    email = models.TextField(blank=True)
    name = models.TextField(blank=True)
    customer = StripeReference(Customer)
    payment_intent = StripeReference(PaymentIntent)
    subscription = StripeReference("payments.Subscription")
    invoice = StripeReference("payments.Invoice")
    expires_at = models.DateTimeField(null=True, blank=True)
    line_items = models.JSONField(
        null=True,
        blank=True,
        help_text="The lines once they were read through the API; null until then.",
    )
    paid_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first seen paid, or to need no payment."
    )

    class Meta(MirrorObject.Meta):
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="checkoutsession_created"),
            models.Index(fields=["payment_intent"], name="checkoutsession_intent"),
        ]


class Subscription(MirrorObject):
    OBJECT = "subscription"
    DASHBOARD = "subscriptions"

    status = status_field()
    currency = currency_field(blank=True)
    customer = StripeReference(Customer)
    collection_method = status_field(blank=True)
    start_date = models.DateTimeField(null=True, blank=True)
    current_period_start = models.DateTimeField(null=True, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    trial_start = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    paused = models.BooleanField(default=False, help_text="Whether its collection is paused.")
    latest_invoice = StripeReference("payments.Invoice")
    items = models.JSONField(
        default=list,
        blank=True,
        help_text="A list of id, price, product, quantity, unit_amount_decimal, currency, "
        "interval, interval_count, usage_type.",
    )
    discounts = models.JSONField(
        default=list,
        blank=True,
        help_text="A list of id and, where it was read expanded, coupon.",
    )

    class Meta(MirrorObject.Meta):
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="subscription_created"),
            models.Index(fields=["customer"], name="subscription_customer"),
            models.Index(fields=["status"], name="subscription_status"),
        ]


class Invoice(MirrorObject):
    OBJECT = "invoice"
    DASHBOARD = "invoices"

    status = status_field(blank=True)
    number = models.CharField(max_length=255, blank=True)
    currency = currency_field()
    customer = StripeReference(Customer)
    subscription = StripeReference(Subscription)
    billing_reason = status_field(blank=True)
    subtotal = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(null=True, blank=True)
    total = models.BigIntegerField(default=0)
    amount_due = models.BigIntegerField(default=0)
    amount_paid = models.BigIntegerField(default=0)
    amount_remaining = models.BigIntegerField(default=0)
    paid_out_of_band = models.BooleanField(default=False)
    attempt_count = models.PositiveIntegerField(default=0)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    due_date = models.DateTimeField(null=True, blank=True)
    finalized_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    lines = models.JSONField(
        default=list,
        blank=True,
        help_text="A list of id, amount, currency, price, quantity, proration, subscription, "
        "period_start, period_end.",
    )

    class Meta(MirrorObject.Meta):
        constraints = [currency_check("invoice")]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="invoice_created"),
            models.Index(fields=["subscription"], name="invoice_subscription"),
            models.Index(fields=["customer"], name="invoice_customer"),
        ]


class InvoicePayment(MirrorObject):
    """What links an invoice to the payments that paid it."""

    OBJECT = "invoice_payment"

    invoice = StripeReference(Invoice)
    payment_intent = StripeReference(PaymentIntent)
    charge = StripeReference(Charge)
    currency = currency_field()
    amount_paid = models.BigIntegerField(null=True, blank=True)
    amount_requested = models.BigIntegerField(default=0)
    status = status_field()
    is_default = models.BooleanField(default=False)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta(MirrorObject.Meta):
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["invoice"], name="invoicepayment_invoice"),
            models.Index(
                fields=["payment_intent"],
                name="invoicepayment_intent",
                condition=Q(payment_intent__isnull=False),
            ),
            models.Index(
                fields=["charge"],
                name="invoicepayment_charge",
                condition=Q(charge__isnull=False),
            ),
        ]
