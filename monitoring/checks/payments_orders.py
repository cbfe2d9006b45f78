"""Checks between payments and orders: what was captured belongs to an order that asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, PaymentIntent
from payments.money import format_money

# Longer than a payment waits for its Checkout session before an order is made for it.
SETTLED_AFTER = timedelta(minutes=10)

# What was captured, less what was given back and stayed back. A charge that failed after all
# brought nothing. An intent that succeeded counts by itself until its charge arrives.
KEPT = """
captured AS NOT MATERIALIZED (
    SELECT payment, id AS charge_id, payment_intent_id, invoice_id, currency, captured_at,
        amount_captured AS amount
    FROM payments_charge
    WHERE captured_at IS NOT NULL AND amount_captured > 0 AND status <> 'failed'
),
given_back AS (
    SELECT payment, sum(amount) AS amount
    FROM payments_counted_refund WHERE returned_at IS NULL GROUP BY payment
)
"""

WITHOUT_ORDER = f"""
WITH {KEPT},
money AS (
    SELECT * FROM captured
    UNION ALL
    SELECT intent.id, NULL, intent.id, intent.invoice_id, intent.currency, intent.succeeded_at,
        intent.amount_received
    FROM payments_paymentintent AS intent
    WHERE intent.status = 'succeeded' AND intent.amount_received > 0
        AND NOT EXISTS (
            SELECT FROM payments_charge WHERE payment = intent.id AND captured_at IS NOT NULL
        )
)
SELECT money.payment, money.currency, min(money.payment_intent_id) AS intent,
    min(money.captured_at) AS captured_at, sum(money.amount) AS captured,
    coalesce(min(given_back.amount), 0) AS refunded, min(customer.email) AS email
FROM money
LEFT JOIN payments_paymentintent AS intent ON intent.id = money.payment_intent_id
LEFT JOIN payments_customer AS customer ON customer.id = intent.customer_id
LEFT JOIN given_back ON given_back.payment = money.payment
WHERE money.captured_at < %(before)s
    AND NOT EXISTS (SELECT FROM orders_orderpayment AS link WHERE link.payment = money.payment)
    -- An invoice's payment belongs to its subscription, not to an order.
    AND money.invoice_id IS NULL AND intent.invoice_id IS NULL
    AND NOT EXISTS (
        SELECT FROM payments_invoicepayment AS paid WHERE paid.payment_intent_id = money.payment
    )
    AND NOT EXISTS (
        SELECT FROM payments_invoicepayment AS paid WHERE paid.charge_id = money.charge_id
    )
GROUP BY money.payment, money.currency
HAVING sum(money.amount) > coalesce(min(given_back.amount), 0)
ORDER BY min(money.captured_at), money.payment
"""


@check(
    name="payment_without_order",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="Money was captured that belongs to no order: nobody will send what it paid for.",
    remedy="Find out what was bought. If its order is missing, create it under the number that the "
    "payment names in its metadata; if nothing was sold, refund it.",
    remedies=("attach_payment", "refund_payment", "read_again"),
)
def payment_without_order(now: datetime) -> Iterator[Finding]:
    for row in rows(WITHOUT_ORDER, {"before": now - SETTLED_AFTER}):
        captured, refunded = int(row["captured"]), int(row["refunded"])
        currency = row["currency"]
        yield Finding(
            subject_type=label(PaymentIntent if row["intent"] else Charge),
            subject_id=row["payment"],
            summary=f"{format_money(captured, currency)} captured for no order",
            evidence={
                "captured": amount(captured, currency),
                "refunded": amount(refunded, currency),
                "captured at": moment(row["captured_at"]),
                "customer": row["email"] or "",
            },
            amount_minor=captured - refunded,
            currency=currency,
        )


# A payment that failed after it had succeeded, of an order that nobody has paid since: a payment
# that was given back whole is none.
FAILED_LATE = """
FROM payments_charge AS charge
JOIN orders_orderpayment AS link ON link.payment = charge.payment
JOIN orders_order AS o ON o.id = link.order_id AND o.currency = charge.currency
CROSS JOIN LATERAL (
    SELECT coalesce(sum(other.amount_captured), 0) AS amount
    FROM orders_orderpayment AS beside
    JOIN payments_charge AS other ON other.payment = beside.payment
    WHERE beside.order_id = o.id AND other.captured_at IS NOT NULL
        AND other.status <> 'failed' AND other.currency = o.currency
        AND other.amount_refunded < other.amount
) AS good
WHERE charge.captured_at IS NOT NULL AND charge.status = 'failed'
    AND o.status IN ('paid', 'fulfilled') AND good.amount < o.total_minor
"""

# What the payments of an order in its currency brought; ``best`` is the one of which most is kept.
# Only an order with several payments, or with one that isn't its total, can differ from them.
# What was captured for a canceled order is told by canceled_order_paid, be it right or wrong.
AMOUNTS = f"""
WITH {KEPT}, several AS MATERIALIZED (
    SELECT order_id FROM orders_orderpayment GROUP BY order_id HAVING count(*) > 1
),
candidate AS (
    {{candidates}}
),
paid AS (
    SELECT link.order_id, captured.currency,
        sum(captured.amount)::bigint AS captured,
        sum(coalesce(given_back.amount, 0))::bigint AS refunded,
        count(*) FILTER (WHERE captured.amount > coalesce(given_back.amount, 0)) AS payments,
        max(captured.amount - coalesce(given_back.amount, 0))::bigint AS best
    FROM candidate
    JOIN orders_orderpayment AS link ON link.order_id = candidate.order_id
    JOIN captured ON captured.payment = link.payment
    LEFT JOIN given_back ON given_back.payment = captured.payment
    GROUP BY link.order_id, captured.currency
)
SELECT o.id, o.number, o.currency, o.total_minor AS total, paid.captured, paid.refunded,
    paid.payments,
    ARRAY(
        SELECT captured.charge_id FROM orders_orderpayment AS link
        JOIN captured ON captured.payment = link.payment
        WHERE link.order_id = o.id AND captured.currency = o.currency
        ORDER BY captured.captured_at, captured.charge_id LIMIT 10
    ) AS ids
FROM paid
JOIN orders_order AS o ON o.id = paid.order_id AND o.currency = paid.currency
WHERE o.status <> 'canceled' AND {{only}}
ORDER BY o.id
"""

# Parts that make a whole are no two payments: one of several must be enough by itself.
TOO_MANY = "paid.payments > 1 AND paid.best >= o.total_minor"

# Several payments of one order add up. A difference that was refunded is settled: too much less
# its refund is the total, and of too little that was given back nothing is kept. What is too little
# because a payment failed is told by payment_failed_late.
DIFFERENT = AMOUNTS.format(
    candidates="""SELECT order_id FROM several
    UNION
    SELECT o.id
    FROM orders_order AS o
    JOIN orders_orderpayment AS link ON link.order_id = o.id
    JOIN captured ON captured.payment = link.payment AND captured.currency = o.currency
    WHERE captured.amount <> o.total_minor""",
    only=f"""paid.captured <> o.total_minor AND paid.captured - paid.refunded
        > CASE WHEN paid.captured > o.total_minor THEN o.total_minor ELSE 0 END
    AND NOT ({TOO_MANY})
    AND (paid.captured > o.total_minor OR o.id NOT IN (SELECT o.id {FAILED_LATE}))""",
)


@check(
    name="amount_mismatch",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="What an order's payments captured isn't what the order is worth.",
    remedy="Paid too much: refund the difference. Paid too little: ask for the rest, or refund "
    "what was paid.",
    remedies=("refund_part", "read_again"),
)
def amount_mismatch(now: datetime) -> Iterator[Finding]:
    for row in rows(DIFFERENT, {}):
        total, captured, refunded = row["total"], row["captured"], row["refunded"]
        currency = row["currency"]
        if captured > total:
            words, at_risk = "too much", captured - refunded - total
        else:
            words, at_risk = "too little", total - captured
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']}: {format_money(captured, currency)} captured, "
            f"{words} for its total of {format_money(total, currency)}",
            evidence={
                "order total": amount(total, currency),
                "captured": amount(captured, currency),
                "refunded": amount(refunded, currency),
                "difference": amount(captured - total, currency),
                "charges": charges(row),
            },
            amount_minor=at_risk,
            currency=currency,
        )


SEVERAL = AMOUNTS.format(candidates="SELECT order_id FROM several", only=TOO_MANY)


@check(
    name="several_payments",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="An order was paid more than once, as when a customer tries again after a page that "
    "didn't load: one payment was enough, and the others belong to the customer.",
    remedy="Refund the payment that is too many; the first one stays.",
    remedies=("refund_duplicate", "refund_part", "read_again"),
)
def several_payments(now: datetime) -> Iterator[Finding]:
    for row in rows(SEVERAL, {}):
        total, currency = row["total"], row["currency"]
        kept = row["captured"] - row["refunded"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(total, currency)} was paid by "
            f"{row['payments']} payments: {format_money(kept, currency)}",
            evidence={
                "order total": amount(total, currency),
                "captured": amount(row["captured"], currency),
                "refunded": amount(row["refunded"], currency),
                "too much": amount(kept - total, currency),
                "charges": charges(row),
            },
            amount_minor=kept - total,
            currency=currency,
        )


CURRENCIES = f"""
WITH {KEPT}, wrong AS MATERIALIZED (
    SELECT o.id AS order_id, captured.*
    FROM orders_orderpayment AS link
    JOIN orders_order AS o ON o.id = link.order_id
    JOIN captured ON captured.payment = link.payment AND captured.currency <> o.currency
)
SELECT o.id, o.number, o.currency, o.total_minor AS total,
    array_agg(wrong.charge_id ORDER BY wrong.captured_at, wrong.charge_id) AS ids,
    array_agg(wrong.currency ORDER BY wrong.captured_at, wrong.charge_id) AS currencies,
    array_agg(wrong.amount ORDER BY wrong.captured_at, wrong.charge_id) AS amounts,
    sum(wrong.amount - coalesce(given_back.amount, 0))::bigint AS kept
FROM wrong
JOIN orders_order AS o ON o.id = wrong.order_id
LEFT JOIN given_back ON given_back.payment = wrong.payment
WHERE wrong.amount > coalesce(given_back.amount, 0)
GROUP BY o.id
ORDER BY o.id
"""


@check(
    name="currency_mismatch",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="An order was paid in another currency than it is in. Such a payment doesn't pay it: "
    "amounts of different currencies are never added.",
    remedy="Agree with the customer on one currency; refund the payment and take it anew, or "
    "fulfil a corrected order.",
    remedies=("refund_part", "read_again"),
)
def currency_mismatch(now: datetime) -> Iterator[Finding]:
    for row in rows(CURRENCIES, {}):
        paid = [
            amount(int(minor), currency)
            for minor, currency in zip(row["amounts"], row["currencies"], strict=True)
        ]
        only = set(row["currencies"])
        currency = only.pop() if len(only) == 1 else ""
        words = ", ".join(format_money(one["amount"], one["currency"]) for one in paid[:5])
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} in {row['currency'].upper()} was paid {words}",
            evidence={
                "order total": amount(row["total"], row["currency"]),
                "paid": paid[:10],
                "charges": charges(row),
            },
            # Amounts of two currencies have no sum.
            amount_minor=row["kept"] if currency else None,
            currency=currency,
        )


def charges(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The charges of a row as links, the first ten of them."""
    return [reference(Charge, id_) for id_ in row["ids"][:10]]
