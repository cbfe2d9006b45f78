"""The order's state machine, as data: services, triggers and documents are made from it."""

from __future__ import annotations

from django.db import models


class OrderStatus(models.TextChoices):
    PENDING = "pending", "pending"
    PAID = "paid", "paid"
    FULFILLED = "fulfilled", "fulfilled"
    CANCELED = "canceled", "canceled"


class RefundStatus(models.TextChoices):
    """Computed from the amounts, never set."""

    NONE = "none", "none"
    PARTIAL = "partial", "partial"
    FULL = "full", "full"


# Where an order may go from where. Paid orders are canceled only by a full refund.
ALLOWED: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.PENDING: (OrderStatus.PAID, OrderStatus.CANCELED),
    OrderStatus.PAID: (OrderStatus.FULFILLED, OrderStatus.CANCELED),
    OrderStatus.FULFILLED: (),
    OrderStatus.CANCELED: (),
}

# An order of these statuses waits: to be fulfilled, to be paid. Since when says the column.
WAITS_SINCE: dict[OrderStatus, str] = {
    OrderStatus.PAID: "paid_at",
    OrderStatus.PENDING: "placed_at",
}
