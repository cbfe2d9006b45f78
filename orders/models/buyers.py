"""Buyers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.models import Customer as StripeCustomer
from payments.models import (
    StripeReference,
)


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
