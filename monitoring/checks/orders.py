"""Checks of the orders themselves: what they add up to, and the history that led to where they
are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, rows
from orders.models import Order
from orders.states import ALLOWED, OrderStatus
from payments.money import format_money

# Between what bounds a total must lie, by lines and by parts. Lines have their discounts taken off
# and their tax on, so only shipping and its tax come on top of them. The parts' subtotal may hold
# the tax already, where prices do. What isn't known bounds nothing: an unknown discount may lower
# the total, unknown shipping or tax may raise it.
TOTALS = """
WITH line AS (
    SELECT order_id, sum(total_minor)::bigint AS total FROM orders_orderline GROUP BY order_id
),
said AS (
    SELECT o.*, line.total AS lines,
        CASE WHEN discount_minor IS NOT NULL THEN line.total + coalesce(shipping_minor, 0) END
            AS least_by_lines,
        line.total + shipping_minor
            + CASE WHEN shipping_minor = 0 AND tax_minor IS NOT NULL THEN 0 ELSE tax_minor END
            AS most_by_lines,
        subtotal_minor - discount_minor + coalesce(shipping_minor, 0) AS least_by_parts,
        subtotal_minor - discount_minor + shipping_minor + tax_minor AS most_by_parts
    FROM orders_order AS o LEFT JOIN line ON line.order_id = o.id
)
SELECT id, number, currency, total_minor AS total, lines, subtotal_minor AS subtotal,
    discount_minor AS discount, tax_minor AS tax, shipping_minor AS shipping,
    greatest(total_minor - most_by_lines, least_by_lines - total_minor, 0) AS off_lines,
    greatest(total_minor - most_by_parts, least_by_parts - total_minor, 0) AS off_parts
FROM said
WHERE total_minor < least_by_lines OR total_minor > most_by_lines
    OR total_minor < least_by_parts OR total_minor > most_by_parts
ORDER BY id
"""


@check(
    name="total_differs_from_lines",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="An order's total isn't what its lines, or its subtotal, discount, tax and shipping, "
    "add up to: the customer is charged something else than what the order says.",
    remedy="Compare the order with what the shop or Stripe shows. Refund what was charged too "
    "much; accept the difference if there is a reason for it.",
    remedies=("refund_part", "read_again"),
)
def total_differs_from_lines(now: datetime) -> Iterator[Finding]:
    for row in rows(TOTALS, {}):
        currency, total = row["currency"], row["total"]
        parts = ("lines", "subtotal", "discount", "tax", "shipping")
        off = max(row["off_lines"], row["off_parts"])
        what = "lines" if row["off_lines"] else "parts"
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']}: its total of {format_money(total, currency)} is "
            f"{format_money(off, currency)} off what its {what} add up to",
            evidence={
                "order total": amount(total, currency),
                **{
                    name: "unknown" if row[name] is None else amount(row[name], currency)
                    for name in parts
                },
                "difference": amount(off, currency),
            },
            amount_minor=off,
            currency=currency,
        )


def legal_histories() -> list[str]:
    """Each status with a history that leads to it, as the state machine allows them."""
    found: list[str] = []

    def follow(status: OrderStatus, history: tuple[str, ...]) -> None:
        found.append(f"{status.value}: {' '.join(history)}")
        for target in ALLOWED[status]:
            follow(target, (*history, f"{status.value}>{target.value}"))

    follow(OrderStatus.PENDING, ())
    return found


HISTORIES = """
WITH told AS (
    SELECT order_id, string_agg(from_status || '>' || to_status, ' ' ORDER BY id) AS history
    FROM orders_ordertransition GROUP BY order_id
)
SELECT o.id, o.number, o.status, o.currency, o.total_minor AS total,
    coalesce(told.history, '') AS history
FROM orders_order AS o LEFT JOIN told ON told.order_id = o.id
WHERE o.status || ': ' || coalesce(told.history, '') <> ALL(%(legal)s::text[])
ORDER BY o.id
"""


@check(
    name="history_differs",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="An order's history doesn't lead to its status: it was moved by something that went "
    "past the state machine, or its history was altered.",
    remedy="Compare with the audit log and with Stripe. Nobody can mend this from here: keep the "
    "evidence, and find out who wrote to the database.",
)
def history_differs(now: datetime) -> Iterator[Finding]:
    for row in rows(HISTORIES, {"legal": legal_histories()}):
        told = row["history"].replace(" ", ", ").replace(">", " → ") or "none"
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} is {row['status']}, and its history: {told}"[:500],
            evidence={"status": row["status"], "history": told[:500]},
            amount_minor=row["total"],
            currency=row["currency"],
        )
