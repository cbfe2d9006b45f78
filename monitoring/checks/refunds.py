"""Checks of refunds: order, charge and refund rows must tell one story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, rows
from orders.models import Order
from payments.models import Charge
from payments.money import format_money

# An event about the charge and one about its refund don't come in the same moment.
SETTLED_AFTER = timedelta(minutes=10)

# A charge's ``amount_refunded`` counts refunds from the moment they are asked for, and what a
# partial capture released, for which there may be a refund row or none. The order counts what
# succeeded, of captured money, and stayed back, and never more than was captured: that there is
# more is told by given_back_above_captured.
REFUNDS = """
WITH touched AS (
    SELECT id FROM payments_charge WHERE captured_at IS NOT NULL AND amount_refunded <> 0
    UNION
    SELECT charge_id FROM payments_refund WHERE charge_id IS NOT NULL
),
listed AS (
    SELECT charge_id,
        sum(amount) FILTER (WHERE status NOT IN ('failed', 'canceled')) AS amount,
        max(as_of) AS as_of
    FROM payments_refund GROUP BY charge_id
),
counted AS (
    SELECT charge_id, sum(amount) AS amount
    FROM payments_counted_refund WHERE returned_at IS NULL GROUP BY charge_id
),
story AS (
    SELECT charge.id, charge.payment, charge.currency,
        charge.amount_refunded AS by_charge,
        coalesce(listed.amount, 0) AS by_rows,
        coalesce(counted.amount, 0) AS counted,
        charge.amount_refunded <> coalesce(listed.amount, 0)
            AND charge.amount_refunded - coalesce(listed.amount, 0)
                <> charge.amount - charge.amount_captured AS differs,
        greatest(charge.as_of, listed.as_of) AS as_of
    FROM touched
    JOIN payments_charge AS charge ON charge.id = touched.id
    LEFT JOIN listed ON listed.charge_id = charge.id
    LEFT JOIN counted ON counted.charge_id = charge.id
    WHERE charge.captured_at IS NOT NULL
),
by_order AS (
    -- A charge in another currency than its order's stands for itself.
    SELECT o.id AS order_id, o.number, o.refunded_minor, o.created_at,
        min(story.id) AS charge_id,
        min(story.currency) AS currency,
        sum(story.by_charge) AS by_charge,
        sum(story.by_rows) AS by_rows,
        sum(story.counted) AS counted,
        bool_or(story.differs) AS differs,
        max(story.as_of) AS as_of
    FROM story
    LEFT JOIN orders_orderpayment AS link ON link.payment = story.payment
    LEFT JOIN orders_order AS o ON o.id = link.order_id AND o.currency = story.currency
    GROUP BY o.id, CASE WHEN o.id IS NULL THEN story.id END
),
told AS (
    SELECT * FROM by_order
    UNION ALL
    SELECT id, number, refunded_minor, created_at, NULL, currency, 0, 0, 0, false, NULL
    FROM orders_order AS o
    WHERE refund_status IN ('partial', 'full')
        AND NOT EXISTS (SELECT FROM by_order WHERE by_order.order_id = o.id)
)
SELECT order_id, number, refunded_minor AS by_order, charge_id, currency, by_charge, by_rows,
    counted, as_of
FROM told
WHERE (differs OR (refunded_minor <> counted
        AND refunded_minor <> least(counted, (
            SELECT coalesce(sum(charge.amount_captured), 0)
            FROM orders_orderpayment AS link
            JOIN payments_charge AS charge ON charge.payment = link.payment
            WHERE link.order_id = told.order_id AND charge.currency = told.currency
                AND charge.captured_at IS NOT NULL
        ))))
    AND greatest(as_of, created_at) < %(before)s
ORDER BY order_id, charge_id
"""


@check(
    name="refund_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="The order, the charge and the refunds themselves disagree on how much was refunded: a "
    "refund that Stripe knows is missing here, or the order wasn't told of it.",
    remedy="Read the charge again from Stripe: `manage.py sync_stripe --only charges,refunds`.",
    remedies=("read_again",),
)
def refund_mismatch(now: datetime) -> Iterator[Finding]:
    for row in rows(REFUNDS, {"before": now - SETTLED_AFTER}):
        currency = row["currency"]
        by_order, order = row["by_order"], row["order_id"]
        by_charge, by_rows, counted = (int(row[n]) for n in ("by_charge", "by_rows", "counted"))
        said = {"the charges say": by_charge, "the refunds": by_rows}
        if order is not None:
            said = {"the order says": by_order, "its charges": by_charge, "the refunds": counted}
        yield Finding(
            subject_type=label(Order) if order is not None else label(Charge),
            subject_id=str(row["charge_id"] if order is None else order),
            summary=(
                f"Charge {row['charge_id']}: " if order is None else f"Order {row['number']}: "
            )
            + ", ".join(f"{who} {format_money(what, currency)}" for who, what in said.items())
            + " was refunded",
            evidence={
                **({} if order is None else {"refunded by order": amount(by_order, currency)}),
                "refunded by charge": amount(by_charge, currency),
                "refunds listed": amount(by_rows, currency),
                "refunds of captured money": amount(counted, currency),
                "as of": moment(row["as_of"]),
            },
            amount_minor=max(said.values()) - min(said.values()),
            currency=currency,
        )
