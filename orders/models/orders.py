"""Orders with their lines, and which payments are theirs.

Amounts are integers of minor units in the order's currency. What Stripe or the shop didn't say
(discount, tax, shipping) is null, which isn't 0.
"""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse

from orders.models.buyers import Customer
from orders.models.catalogue import Product
from orders.states import ALLOWED, OrderStatus, RefundStatus
from payments.models import (
    CheckoutSession,
    PaymentIntent,
    StripeReference,
)
from payments.models.base import currency_check, currency_field


def _status_case() -> str:
    """The allowed moves as a SQL condition on OLD and NEW."""
    moves = [
        f"(OLD.status = '{old}' AND NEW.status = '{new}')"
        for old, targets in ALLOWED.items()
        for new in targets
    ]
    return " OR ".join(moves)


class Order(models.Model):
    """An order. Its status moves only through ``orders.services.transitions``."""

    class Source(models.TextChoices):
        SHOP = "shop", "shop"
        ADMIN = "admin", "admin"
        IMPORT = "import", "import"
        STRIPE = "stripe", "Stripe"

    number = models.CharField(max_length=255, unique=True)
    status = models.CharField(max_length=10, choices=OrderStatus, default=OrderStatus.PENDING)
    source = models.CharField(max_length=10, choices=Source)
    currency = currency_field()
    total_minor = models.BigIntegerField()
    subtotal_minor = models.BigIntegerField(null=True, blank=True)
    discount_minor = models.BigIntegerField(null=True, blank=True)
    tax_minor = models.BigIntegerField(null=True, blank=True)
    shipping_minor = models.BigIntegerField(null=True, blank=True)
    customer = models.ForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
        db_index=False,  # order_customer_placed begins with it
    )
    email = models.TextField(blank=True)
    carrier = models.TextField(blank=True, default="", db_default="", help_text="Who carries it.")
    tracking_number = models.TextField(blank=True, default="", db_default="")
    # What made the order, when Stripe did: one order per payment intent, or per session that
    # needed no payment.
    payment_intent = StripeReference(PaymentIntent)
    checkout_session = StripeReference(CheckoutSession)
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    captured_minor = models.BigIntegerField(default=0, help_text="Captured by its payments.")
    refunded_minor = models.BigIntegerField(
        default=0, help_text="Refunds of captured money that succeeded and haven't failed since."
    )
    refund_status = models.GeneratedField(
        expression=Case(
            When(refunded_minor=0, then=Value(RefundStatus.NONE.value)),
            When(refunded_minor__lt=F("captured_minor"), then=Value(RefundStatus.PARTIAL.value)),
            default=Value(RefundStatus.FULL.value),
        ),
        output_field=models.CharField(max_length=10, choices=RefundStatus),
        db_persist=True,
    )
    oversold = models.BooleanField(
        default=False, help_text="Paid, but its products weren't all in stock."
    )
    stock_settled = models.BooleanField(
        default=False,
        help_text="Whether its lines were known and had their turn at the stock. They have one.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-placed_at", "-id"]
        permissions = [
            ("refund_order", "Can refund an order"),
            ("export_order", "Can export orders"),
        ]
        constraints = [
            currency_check("order"),
            models.CheckConstraint(
                name="order_status_known", condition=Q(status__in=OrderStatus.values)
            ),
            models.CheckConstraint(
                name="order_source_known",
                condition=Q(source__in=["shop", "admin", "import", "stripe"]),
            ),
            models.CheckConstraint(
                name="order_amounts_not_negative",
                condition=Q(total_minor__gte=0)
                & Q(captured_minor__gte=0)
                & Q(refunded_minor__gte=0),
            ),
            models.CheckConstraint(
                name="order_refunded_within_captured",
                condition=Q(refunded_minor__lte=F("captured_minor")),
            ),
            models.CheckConstraint(
                name="order_times_match_status",
                condition=(
                    Q(status=OrderStatus.PENDING, paid_at__isnull=True)
                    | Q(status=OrderStatus.PAID, paid_at__isnull=False)
                    | Q(
                        status=OrderStatus.FULFILLED,
                        paid_at__isnull=False,
                        fulfilled_at__isnull=False,
                    )
                    | Q(status=OrderStatus.CANCELED, canceled_at__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="order_tracked_once_fulfilled",
                condition=Q(status=OrderStatus.FULFILLED) | Q(carrier="", tracking_number=""),
            ),
            models.UniqueConstraint(fields=["payment_intent"], name="order_once_per_intent"),
            models.UniqueConstraint(fields=["checkout_session"], name="order_once_per_session"),
        ]
        indexes = [
            models.Index(fields=["-placed_at", "-id"], name="order_placed"),
            # For each filter of the list, in the list's order. What most orders have needs none.
            models.Index(fields=["status", "-placed_at", "-id"], name="order_status_placed"),
            models.Index(fields=["customer", "-placed_at", "-id"], name="order_customer_placed"),
            models.Index(fields=["source", "-placed_at", "-id"], name="order_source_placed"),
            models.Index(
                fields=["refund_status", "-placed_at", "-id"],
                name="order_refunded_placed",
                condition=Q(refund_status__in=["partial", "full"]),
            ),
            models.Index(
                fields=["-placed_at", "-id"],
                name="order_oversold_placed",
                condition=Q(oversold=True),
            ),
            models.Index(fields=["status", "paid_at"], name="order_status_paid"),
            models.Index(fields=["paid_at"], name="order_paid_at"),
            models.Index(
                fields=["fulfilled_at"],
                name="order_fulfilled_at",
                condition=Q(fulfilled_at__isnull=False),
            ),
            models.Index(fields=["email"], name="order_email"),
            models.Index(
                fields=["tracking_number"],
                name="order_tracking_number",
                condition=~Q(tracking_number=""),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="starts_pending",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.status <> 'pending'"),
                func="RAISE EXCEPTION 'an order starts pending, not %', NEW.status;",
            ),
            pgtrigger.Trigger(
                name="legal_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("status"),  # type: ignore[no-untyped-call]
                condition=pgtrigger.Condition(
                    f"OLD.status IS DISTINCT FROM NEW.status AND NOT ({_status_case()})"
                ),
                func="RAISE EXCEPTION 'an order can''t move from % to %', OLD.status, NEW.status;",
            ),
            pgtrigger.Trigger(
                name="moves_are_recorded",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("status"),  # type: ignore[no-untyped-call]
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("OLD.status IS DISTINCT FROM NEW.status"),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM orders_ordertransition
                        WHERE order_id = NEW.id AND from_status = OLD.status
                            AND to_status = NEW.status
                    ) THEN
                        RAISE EXCEPTION 'order % moved from % to % without its transition row',
                            NEW.id, OLD.status, NEW.status;
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("admin:orders_order_change", args=[self.pk])


class OrderLine(models.Model):
    """One line. ``taken`` says how many units it has taken from stock."""

    # Its unique constraint begins with the order: another index would only cost.
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.PositiveIntegerField()
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="lines"
    )
    description = models.TextField(blank=True)
    quantity = models.PositiveIntegerField()
    total_minor = models.BigIntegerField(help_text="After discounts, tax included.")
    taken = models.PositiveIntegerField(default=0, help_text="Units that it has from stock.")
    returned = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Units that came back and were put into stock again."
    )

    class Meta:
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="orderline_position_once"),
            models.CheckConstraint(name="orderline_quantity", condition=Q(quantity__gte=1)),
            models.CheckConstraint(
                name="orderline_taken_within_quantity",
                condition=Q(quantity__gte=F("taken") + F("returned")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.description}"


class OrderPayment(models.Model):
    """A payment belongs to an order. ``payment`` is the payment intent's id, or the charge's where
    a charge was made without an intent; a payment belongs to one order at the most."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    payment = models.CharField(max_length=255, unique=True, db_collation="C")
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.payment


class WaitingPayment(models.Model):
    """A payment that succeeded and names no order: until ``due_at`` it may still turn out to be a
    Checkout session's or an invoice's. After that an order is made of it alone."""

    payment = models.CharField(max_length=255, unique=True, db_collation="C")
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="waitingpayment_due")]

    def __str__(self) -> str:
        return self.payment
