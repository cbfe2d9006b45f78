"""Checks of orders that have waited too long: to be paid, to be fulfilled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from monitoring.checks.payments_orders import FAILED_LATE
from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, rows
from orders.models import Order
from payments.money import format_money

# Who shouldn't be sent, or can't be, is told elsewhere: an order that lacks products by
# oversold_order, one whose money is gone by payment_failed_late or refunded_order_not_canceled.
UNFULFILLED = f"""
SELECT late.id, late.number, late.currency, late.total_minor AS total, late.paid_at,
    late.captured_minor AS captured, late.refunded_minor AS refunded
FROM orders_order AS late
WHERE late.status = 'paid' AND late.paid_at < %(before)s AND NOT late.oversold
    AND late.refund_status <> 'full'
    AND late.id NOT IN (SELECT o.id {FAILED_LATE})
ORDER BY late.paid_at, late.id
"""


@check(
    name="unfulfilled_late",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="An order was paid and hasn't been fulfilled within the time that customers are "
    "promised (FULFIL_WITHIN_HOURS). High from twice that time on.",
    remedy="Send it and mark it as fulfilled, or tell the customer when it comes; if it can't be "
    "served, refund it.",
    remedies=("refund_part",),
)
def unfulfilled_late(now: datetime) -> Iterator[Finding]:
    allowed = timedelta(hours=settings.FULFIL_WITHIN_HOURS)
    if not allowed:
        return
    for row in rows(UNFULFILLED, {"before": now - allowed}):
        currency, paid_at = row["currency"], row["paid_at"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], currency)} was paid "
            f"{paid_at:%Y-%m-%d %H:%M} UTC and isn’t fulfilled",
            evidence={
                "order total": amount(row["total"], currency),
                "captured": amount(row["captured"], currency),
                "refunded": amount(row["refunded"], currency),
                "paid at": moment(paid_at),
                "to be fulfilled by": moment(paid_at + allowed),
            },
            # Of an order that was paid elsewhere nothing was captured here.
            amount_minor=row["captured"] - row["refunded"] or row["total"],
            currency=currency,
            severity=Severity.HIGH if paid_at < now - 2 * allowed else None,
        )


# Who waits for a bank (Stripe tells how that ends) or for a capture waits for no customer. Whoever
# has paid something is told by amount_mismatch, currency_mismatch or payment_order_pending.
PENDING = """
SELECT o.id, o.number, o.currency, o.total_minor AS total, o.placed_at, o.source, o.email,
    paying.tried, paying.last_status, paying.last_error
FROM orders_order AS o
CROSS JOIN LATERAL (
    SELECT count(*) AS tried,
        (array_agg(intent.status ORDER BY intent.created DESC NULLS LAST, intent.id DESC))[1]
            AS last_status,
        (array_agg(intent.last_error_code ORDER BY intent.created DESC NULLS LAST, intent.id DESC))
            [1] AS last_error,
        coalesce(bool_or(
            intent.status IN ('processing', 'requires_capture')
            OR (intent.status = 'succeeded' AND money.payment IS NULL)
            OR money.kept
        ), false) AS under_way
    FROM orders_orderpayment AS link
    LEFT JOIN payments_paymentintent AS intent ON intent.id = link.payment
    LEFT JOIN LATERAL (
        -- What a partial capture released is part of both amounts.
        SELECT charge.payment, bool_or(
            charge.status <> 'failed' AND charge.amount > charge.amount_refunded
        ) AS kept
        FROM payments_charge AS charge
        WHERE charge.payment = link.payment AND charge.captured_at IS NOT NULL
        GROUP BY charge.payment
    ) AS money ON true
    WHERE link.order_id = o.id
) AS paying
WHERE o.status = 'pending' AND o.placed_at < %(before)s AND NOT paying.under_way
ORDER BY o.placed_at, o.id
"""


@check(
    name="pending_late",
    kind=Kind.ATTENTION,
    severity=Severity.LOW,
    meaning="An order has waited for its payment longer than customers take (PENDING_ORDER_DAYS), "
    "and nothing of it is on its way.",
    remedy="Ask the customer, or cancel the order, which cancels its open payment at Stripe too.",
    remedies=("read_again",),
)
def pending_late(now: datetime) -> Iterator[Finding]:
    allowed = timedelta(days=settings.PENDING_ORDER_DAYS)
    if not allowed:
        return
    for row in rows(PENDING, {"before": now - allowed}):
        currency = row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], currency)} has been "
            f"pending since {row['placed_at']:%Y-%m-%d}",
            evidence={
                "order total": amount(row["total"], currency),
                "placed at": moment(row["placed_at"]),
                "came from": row["source"],
                "payments begun": row["tried"],
                "the last one": row["last_status"] or "",
                "its error": row["last_error"] or "",
            },
            amount_minor=row["total"],
            currency=currency,
        )
