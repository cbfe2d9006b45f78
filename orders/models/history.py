"""What happened to an order, kept for ever; words that tell of a person can be erased."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from auditlog.triggers import append_only, no_truncate
from orders.models.orders import Order
from orders.states import OrderStatus
from payments.models import (
    StripeEvent,
)


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
            *append_only("reason"),
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
            *append_only("text"),
            no_truncate("the notes of orders"),
        ]

    def __str__(self) -> str:
        return self.text[:60]
