"""The order's state machine, as data: services, triggers and documents are made from it."""

from __future__ import annotations

from dataclasses import dataclass

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


class Mover(models.TextChoices):
    """Who may cause a move."""

    STRIPE = "Stripe", "Stripe, by an event or a read"
    PERSON = "a person", "a person who may change orders, with a reason"


@dataclass(frozen=True)
class Rule:
    """One legal move: who causes it by what, and what comes of it besides."""

    source: OrderStatus
    target: OrderStatus
    mover: Mover
    cause: str
    stock: str
    refund: str
    issue: str


# Where an order may go from where. What isn't here is refused, by the service and by a trigger.
RULES = (
    Rule(
        OrderStatus.PENDING,
        OrderStatus.PAID,
        Mover.STRIPE,
        cause="its payments captured its total, or a completed session needed no payment",
        stock="taken, each line whole or not at all; what isn’t there makes the order *oversold*",
        refund="none",
        issue="`oversold_order` while something is lacking; `amount_mismatch` or "
        "`several_payments` if more was captured",
    ),
    Rule(
        OrderStatus.PENDING,
        OrderStatus.CANCELED,
        Mover.PERSON,
        cause="nobody will pay any more",
        stock="none was taken",
        refund="none; a payment that comes later is kept and must be refunded",
        issue="none",
    ),
    Rule(
        OrderStatus.PAID,
        OrderStatus.FULFILLED,
        Mover.PERSON,
        cause="it has been sent or handed over",
        stock="stays taken",
        refund="none; one that is made later leaves the order fulfilled",
        issue="none",
    ),
    Rule(
        OrderStatus.PAID,
        OrderStatus.CANCELED,
        Mover.STRIPE,
        cause="all that was captured has been refunded",
        stock="given back",
        refund="the full refund is the cause; if it fails later, the order stays canceled",
        issue="critical if that refund fails",
    ),
)

ALLOWED: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    status: tuple(rule.target for rule in RULES if rule.source == status) for status in OrderStatus
}
# What a person may do. Paid orders are canceled only by a full refund.
PEOPLE_MAY: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    status: tuple(
        rule.target for rule in RULES if rule.source == status and rule.mover == Mover.PERSON
    )
    for status in OrderStatus
}

# An order of these statuses waits: to be fulfilled, to be paid. Since when says the column.
WAITS_SINCE: dict[OrderStatus, str] = {
    OrderStatus.PAID: "paid_at",
    OrderStatus.PENDING: "placed_at",
}
