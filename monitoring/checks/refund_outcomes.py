"""Checks of what becomes of refunds: one that somebody was promised must arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, Refund, RefundRequest
from payments.money import format_money

# Stripe is asked at once, and each minute anew.
ANSWERED_WITHIN = timedelta(minutes=15)

# A failed refund is made good by what was refunded of its charge afterwards; a replacement that
# fails in its turn is a finding of its own. Replacements serve the first failure first, and none
# serves one that came after it: what is still owed is the most that the failures from some one on
# exceed what was refunded since that one, and it is owed for the last of them.
FAILED = """
WITH failed AS (
    SELECT refund.*, coalesce(sum(refund.amount) OVER later, 0) AS later, coalesce((
        SELECT sum(other.amount) FROM payments_refund AS other
        WHERE other.charge_id = refund.charge_id AND other.id <> refund.id
            AND other.created >= refund.failed_at
    ), 0) AS since
    FROM payments_refund AS refund
    WHERE refund.failed_at IS NOT NULL AND refund.status IN ('failed', 'canceled')
    WINDOW later AS (
        PARTITION BY refund.charge_id ORDER BY refund.failed_at, refund.id
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )
), owing AS (
    SELECT failed.*, least(
        amount, max(amount + later - since) OVER (PARTITION BY charge_id) - later
    )::bigint AS owed
    FROM failed
)
SELECT refund.id, refund.charge_id, refund.amount, refund.currency, refund.status,
    refund.failure_reason, refund.succeeded_at IS NOT NULL AS had_succeeded, refund.failed_at,
    o.id AS order_id, o.number, o.status = 'canceled' AND o.paid_at IS NOT NULL AS canceled,
    refund.amount - refund.owed AS again, back.units
FROM owing AS refund
JOIN payments_charge AS charge ON charge.id = refund.charge_id AND charge.captured_at IS NOT NULL
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(line.restocked), 0)::bigint AS units
    FROM payments_refundrequest AS request
    JOIN orders_refundedline AS line ON line.request_id = request.id
    WHERE request.refund_id = refund.id
) AS back
WHERE refund.owed > 0
ORDER BY refund.failed_at, refund.id
"""


@check(
    name="refund_failed",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="A refund failed or was canceled, and its amount is back with us: the customer hasn't "
    "got it. Critical where the order was canceled for it or its goods are back in stock, so "
    "that they have neither goods nor money.",
    remedy="Agree with the customer on another way (a new card, a bank transfer) and refund again "
    "from the order's page; this is resolved when as much was refunded anew.",
    remedies=("refund_part", "read_again"),
)
def refund_failed(now: datetime) -> Iterator[Finding]:
    for row in rows(FAILED, {}):
        currency, whose = row["currency"], of_order(row)
        how = "was canceled" if row["status"] == "canceled" else "failed"
        why = f" ({row['failure_reason'].replace('_', ' ')})" if row["failure_reason"] else ""
        after = " after it had succeeded" if row["had_succeeded"] else ""
        goods = "; the order is canceled" if row["canceled"] else ""
        if row["units"] and not goods:
            goods = "; the goods are back in stock"
        yield Finding(
            subject_type=label(Refund),
            subject_id=row["id"],
            summary=f"Refund of {format_money(row['amount'], currency)} {whose} {how}{after}{why}"
            + goods,
            evidence={
                "order": order_link(row),
                "charge": reference(Charge, row["charge_id"]),
                "amount": amount(row["amount"], currency),
                "refunded since": amount(row["again"], currency),
                "failed at": moment(row["failed_at"]),
                "reason": row["failure_reason"],
                "units put back into stock": row["units"],
            },
            amount_minor=row["amount"] - row["again"],
            currency=currency,
            severity=Severity.CRITICAL if goods else None,
        )


REQUESTS = """
SELECT request.id, request.charge_id, request.amount, request.currency, request.status,
    request.asked_at, request.first_sent_at, request.tries, request.attempt, request.error,
    request.code, o.id AS order_id, o.number
FROM payments_refundrequest AS request
JOIN payments_charge AS charge ON charge.id = request.charge_id
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE {only}
ORDER BY request.asked_at, request.id
"""
STUCK = REQUESTS.format(
    only="request.status IN ('recorded', 'unknown') AND request.asked_at < %(before)s"
)


@check(
    name="refund_request_stuck",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="A refund was asked for here more than 15 minutes ago, and Stripe hasn't made or "
    "refused it. Where the outcome is unknown it may have been made; nothing is refunded twice.",
    remedy="Read the error on the request's page. See that a worker runs and that the key may make "
    "refunds (`manage.py check_stripe`). One that isn't at Stripe yet can be withdrawn; one "
    "whose outcome is unknown is asked for again by itself, and looked up after 23 hours.",
    remedies=("withdraw", "read_again"),
)
def refund_request_stuck(now: datetime) -> Iterator[Finding]:
    for row in rows(STUCK, {"before": now - ANSWERED_WITHIN}):
        words = "isn't at Stripe yet" if row["status"] == "recorded" else "has an unknown outcome"
        yield request_finding(row, words)


# Nothing is owed where the request was repeated, or where nothing is left to refund.
REFUSED = REQUESTS.format(
    only="""request.status = 'refused'
    AND NOT EXISTS (
        SELECT FROM payments_refundrequest AS later
        WHERE later.charge_id = request.charge_id AND later.asked_at > request.asked_at
            AND later.status IN ('recorded', 'unknown', 'made')
    )
    AND EXISTS (
        SELECT FROM payments_refundable AS able
        WHERE able.id = request.charge_id AND able.left_minor > 0
    )"""
)


@check(
    name="refund_request_refused",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="Stripe refused a refund that was asked for here, and nothing was refunded of that "
    "charge since.",
    remedy="Read Stripe's words. Have it asked again from the request's page once the cause is "
    "gone, refund another amount, or withdraw the request.",
    remedies=("ask_again", "withdraw"),
)
def refund_request_refused(now: datetime) -> Iterator[Finding]:
    for row in rows(REFUSED, {}):
        yield request_finding(row, f"was refused by Stripe: {row['error']}")


def request_finding(row: dict[str, Any], words: str) -> Finding:
    currency = row["currency"]
    return Finding(
        subject_type=label(RefundRequest),
        subject_id=str(row["id"]),
        summary=f"Refund of {format_money(row['amount'], currency)} {of_order(row)} {words}"[:500],
        evidence={
            "order": order_link(row),
            "charge": reference(Charge, row["charge_id"]),
            "amount": amount(row["amount"], currency),
            "asked at": moment(row["asked_at"]),
            "first sent": moment(row["first_sent_at"]),
            "tries": row["tries"],
            "attempt": row["attempt"],
            "code": row["code"],
            "error": row["error"][:500],
        },
        amount_minor=row["amount"],
        currency=currency,
    )


def of_order(row: dict[str, Any]) -> str:
    return f"for order {row['number']}" if row["number"] else f"of {row['charge_id']}"


def order_link(row: dict[str, Any]) -> Any:
    return reference(Order, row["order_id"], row["number"]) if row["order_id"] else ""
