"""Checks of the orders themselves: their lines, their history, and how long they have waited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, rows
from orders.models import Order, Product
from payments.money import format_money

# Lines have their discounts taken off and their tax on, so what is left is shipping. Where that
# isn't known, neither is whether they add up.
LINES = """
SELECT o.id, o.number, o.currency, o.total_minor AS total, o.shipping_minor AS shipping,
    line.total AS lines
FROM orders_order AS o
JOIN (
    SELECT order_id, sum(total_minor)::bigint AS total FROM orders_orderline GROUP BY order_id
) AS line ON line.order_id = o.id
WHERE o.shipping_minor IS NOT NULL AND line.total + o.shipping_minor <> o.total_minor
ORDER BY o.id
"""


@check(
    name="total_differs_from_lines",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="An order's lines and its shipping don't add up to its total: the customer was charged "
    "something else than what the lines say.",
    remedy="Compare the order with what the shop or Stripe shows. Refund what was charged too "
    "much; accept the difference if there is a reason for it.",
    remedies=("refund_part", "read_again"),
)
def total_differs_from_lines(now: datetime) -> Iterator[Finding]:
    for row in rows(LINES, {}):
        currency, total = row["currency"], row["total"]
        said = row["lines"] + row["shipping"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']}: its lines and shipping come to "
            f"{format_money(said, currency)}, its total is {format_money(total, currency)}",
            evidence={
                "order total": amount(total, currency),
                "lines": amount(row["lines"], currency),
                "shipping": amount(row["shipping"], currency),
                "difference": amount(total - said, currency),
            },
            amount_minor=abs(total - said),
            currency=currency,
        )


WAITING = """
SELECT id, number, currency, total_minor AS total, {since} AS since, oversold FROM orders_order
WHERE status = %(status)s AND {since} < %(before)s
ORDER BY {since}, id
"""


@check(
    name="unfulfilled_late",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="An order was paid and hasn't been fulfilled within the time that customers are "
    "promised (FULFIL_WITHIN_HOURS).",
    remedy="Fulfil it, or tell the customer; if it can't be served, refund it.",
    remedies=("serve_order", "refund_part"),
)
def unfulfilled_late(now: datetime) -> Iterator[Finding]:
    allowed = timedelta(hours=settings.FULFIL_WITHIN_HOURS)
    sql = WAITING.format(since="paid_at")
    for row in rows(sql, {"status": "paid", "before": now - allowed}):
        days = (now - row["since"]).days
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], row['currency'])} was "
            f"paid {row['since']:%Y-%m-%d} and isn’t fulfilled",
            evidence={
                "paid at": moment(row["since"]),
                "to be fulfilled by": moment(row["since"] + allowed),
                "oversold": "yes" if row["oversold"] else "no",
            },
            amount_minor=row["total"],
            currency=row["currency"],
            severity=Severity.HIGH if days >= 2 * allowed.days > 0 else None,
        )


@check(
    name="pending_late",
    kind=Kind.ATTENTION,
    severity=Severity.LOW,
    meaning="An order has waited for its payment longer than customers take (PENDING_ORDER_DAYS).",
    remedy="Ask the customer, or cancel the order, which cancels its open payment at Stripe too.",
)
def pending_late(now: datetime) -> Iterator[Finding]:
    before = now - timedelta(days=settings.PENDING_ORDER_DAYS)
    sql = WAITING.format(since="placed_at")
    for row in rows(sql, {"status": "pending", "before": before}):
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], row['currency'])} has "
            f"been pending since {row['since']:%Y-%m-%d}",
            evidence={"placed at": moment(row["since"])},
            amount_minor=row["total"],
            currency=row["currency"],
        )


NEGATIVE = "SELECT id, sku, name, stock FROM orders_product WHERE stock < 0 ORDER BY id"


@check(
    name="negative_stock",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    meaning="More of a product was taken than there was. The database refuses that, so something "
    "went past it.",
    remedy="Count the product and correct its stock on its page. Then find out who wrote to the "
    "database with its constraints off.",
)
def negative_stock(now: datetime) -> Iterator[Finding]:
    for row in rows(NEGATIVE, {}):
        yield Finding(
            subject_type=label(Product),
            subject_id=str(row["id"]),
            summary=f"There are {row['stock']} of {row['name'] or row['sku']}",
            evidence={"stock": row["stock"], "SKU": row["sku"]},
        )


# Each move begins where the one before ended, the first at pending, the last at the status.
HISTORY = """
WITH steps AS (
    SELECT order_id, id, from_status, to_status,
        lag(to_status, 1, 'pending') OVER (PARTITION BY order_id ORDER BY id) AS due_from,
        lead(id) OVER (PARTITION BY order_id ORDER BY id) IS NULL AS is_last
    FROM orders_ordertransition
),
told AS (
    SELECT order_id, bool_or(from_status <> due_from) AS broken,
        max(to_status) FILTER (WHERE is_last) AS leads_to, count(*) AS moves
    FROM steps GROUP BY order_id
)
SELECT o.id, o.number, o.status, o.currency, o.total_minor AS total,
    coalesce(told.leads_to, 'pending') AS leads_to, coalesce(told.broken, false) AS broken,
    coalesce(told.moves, 0) AS moves
FROM orders_order AS o LEFT JOIN told ON told.order_id = o.id
WHERE o.status <> coalesce(told.leads_to, 'pending') OR told.broken
ORDER BY o.id
"""


@check(
    name="history_differs",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    meaning="An order's history doesn't lead to its status: it was moved by something that went "
    "past the state machine, or its history was altered.",
    remedy="Compare with the audit log and with Stripe. Nobody can mend this from here: keep the "
    "evidence, and find out who wrote to the database.",
)
def history_differs(now: datetime) -> Iterator[Finding]:
    for row in rows(HISTORY, {}):
        what = "has a gap" if row["broken"] else f"leads to {row['leads_to']}"
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} is {row['status']}, and its history {what}",
            evidence={
                "status": row["status"],
                "history leads to": row["leads_to"],
                "moves": row["moves"],
                "without a gap": "no" if row["broken"] else "yes",
            },
            amount_minor=row["total"],
            currency=row["currency"],
        )
