"""Catalogue with stock, and orders with their state machine.

Amounts are integers of minor units in the order's currency. What Stripe or the shop didn't say
(discount, tax, shipping) is null, which isn't 0.
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse

from auditlog.triggers import no_truncate
from orders.states import ALLOWED, OrderStatus, RefundStatus
from payments.models import (
    CheckoutSession,
    PaymentIntent,
    RefundRequest,
    StripeEvent,
    StripeReference,
)
from payments.models import Customer as StripeCustomer
from payments.models import Product as StripeProduct
from payments.models.base import currency_check, currency_field


class Customer(models.Model):
    """A buyer: one of Stripe's customers, or a guest known by e-mail alone.

    A guest with the address of one of Stripe's customers is that customer (``same_as``). Where two
    of Stripe's have the address, nobody can tell which of them the guest was, and neither can it be
    told that the two are one person: they have their own cards, subscriptions and balances.
    """

    stripe_customer = StripeReference(StripeCustomer)
    email = models.TextField(blank=True, help_text="Lower case, without surrounding space.")
    name = models.TextField(blank=True)
    # Derived, so that it is the same whatever came first: orders keep the row that they came with.
    same_as = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="guests",
        db_index=False,
        help_text="Of a guest: the only one of Stripe's customers with the same address.",
    )
    created_at = models.DateTimeField(help_text="Known since; Stripe's customers since Stripe's.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="customer_only_guests_are_others",
                condition=Q(same_as__isnull=True) | Q(stripe_customer__isnull=True),
            ),
            models.UniqueConstraint(fields=["stripe_customer"], name="customer_stripe_once"),
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(stripe_customer__isnull=True),
                name="customer_guest_once",
            ),
            models.CheckConstraint(
                name="customer_known_by_something",
                condition=Q(stripe_customer__isnull=False) | ~Q(email=""),
            ),
        ]
        indexes = [
            models.Index(fields=["email"], name="orders_customer_email"),
            models.Index(
                fields=["same_as"],
                name="orders_customer_same_as",
                condition=Q(same_as__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email or str(self.stripe_customer_id)


class Product(models.Model):
    """Something that is sold. ``stock`` is null where nobody counts it."""

    sku = models.CharField("SKU", max_length=255, unique=True)
    name = models.TextField()
    stripe_product = StripeReference(StripeProduct)
    stock = models.IntegerField(null=True, blank=True, help_text="Empty: not counted.")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["stripe_product"], name="product_stripe_once"),
            models.CheckConstraint(
                name="product_stock_not_negative", condition=Q(stock__isnull=True) | Q(stock__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name


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


class RefundedLine(models.Model):
    """Units of a line that a refund is for; with ``restock`` they go back into stock, once, when
    that refund succeeds."""

    # Its unique constraint begins with the request: another index would only cost.
    request = models.ForeignKey(
        RefundRequest, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refunded")
    quantity = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField(help_text="The line's share of the refund.")
    restock = models.BooleanField(default=False)
    restocked = models.PositiveIntegerField(default=0, help_text="Units that went back.")
    restocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["request", "line"]
        constraints = [
            models.UniqueConstraint(fields=["request", "line"], name="refundedline_once"),
            models.CheckConstraint(
                name="refundedline_numbers",
                condition=Q(quantity__gte=1, amount_minor__gte=0, restocked__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="refundedline_restocked_as_wanted",
                condition=Q(restock=True) | Q(restocked_at__isnull=True, restocked=0),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="says_what_came_back",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "request", "line", "quantity", "amount_minor", "restock"
                ),
                func="RAISE EXCEPTION 'what a refund is for can''t be changed (%)', OLD.id;",
            ),
            pgtrigger.Trigger(
                name="restocked_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.restocked_at IS NOT NULL"),
                func="RAISE EXCEPTION 'line % was restocked already', OLD.id;",
            ),
            # Under the line's lock, so that of two refunds at once the later one sees the earlier.
            # A refund that came to nothing returns nothing.
            pgtrigger.Trigger(
                name="within_the_line",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                declare=[
                    ("of_line", "orders_orderline%ROWTYPE"),
                    ("wanted", "bigint"),
                    ("waiting", "bigint"),
                ],
                func="""
                    SELECT * INTO of_line FROM orders_orderline WHERE id = NEW.line_id
                        FOR NO KEY UPDATE;
                    SELECT sum(one.quantity),
                        sum(one.quantity) FILTER (WHERE one.restock AND one.restocked_at IS NULL)
                        INTO wanted, waiting
                    FROM orders_refundedline AS one
                    JOIN payments_refundrequest AS request ON request.id = one.request_id
                    LEFT JOIN payments_refund AS refund ON refund.id = request.refund_id
                    WHERE one.line_id = NEW.line_id
                        AND request.status NOT IN ('refused', 'withdrawn')
                        AND coalesce(refund.status, '') NOT IN ('failed', 'canceled');
                    IF wanted > of_line.quantity THEN
                        RAISE EXCEPTION 'line % has % units, and % would be refunded',
                            NEW.line_id, of_line.quantity, wanted;
                    END IF;
                    IF waiting > of_line.taken THEN
                        RAISE EXCEPTION 'line % has % units from stock, and % would go back',
                            NEW.line_id, of_line.taken, waiting;
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate("what refunds were for"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.description}"


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


class OrderTransition(models.Model):
    """One move of an order with its cause: a Stripe event, or a person or job and a reason."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="transitions", db_index=False
    )
    from_status = models.CharField(max_length=10, choices=OrderStatus)
    to_status = models.CharField(max_length=10, choices=OrderStatus)
    at = models.DateTimeField(help_text="When it happened: Stripe's time where Stripe did it.")
    recorded_at = models.DateTimeField()
    event = models.ForeignKey(
        StripeEvent,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # no event is ever deleted
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="ordertransition_statuses_known",
                condition=Q(from_status__in=OrderStatus.values)
                & Q(to_status__in=OrderStatus.values),
            ),
            models.CheckConstraint(
                name="ordertransition_has_cause",
                condition=Q(event__isnull=False) | ~Q(reason=""),
            ),
        ]
        indexes = [models.Index(fields=["order", "id"], name="ordertransition_order")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            no_truncate("the history of orders"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class OrderNote(models.Model):
    """What somebody noted about an order. ``request`` names the wish to note it: sent twice, it is
    one note."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="notes", db_index=False)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    text = models.TextField()
    request = models.UUIDField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "request"], name="ordernote_once"),
            models.CheckConstraint(name="ordernote_says_something", condition=~Q(text="")),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            no_truncate("the notes of orders"),
        ]

    def __str__(self) -> str:
        return self.text[:60]
