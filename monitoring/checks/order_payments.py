"""Checks between orders and their payments: who is paid is paid by money, once, and knows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.checks.payments_orders import KEPT, SETTLED_AFTER, charges
from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, PaymentIntent
from payments.money import format_money

# Events of an intent and of its charge are made in the same moment; one that is lost is found by
# listing within the hour.
CHARGE_WITHIN = timedelta(hours=1)

# An intent that succeeded counts until its charge arrives; that a payment failed late is told by
# the payment.
UNPAID = """
SELECT o.id, o.number, o.status, o.currency, o.total_minor AS total, o.paid_at
FROM orders_order AS o
WHERE o.status IN ('paid', 'fulfilled') AND o.total_minor > 0 AND o.source <> 'import'
    AND o.paid_at < %(before)s
    AND NOT EXISTS (
        SELECT FROM orders_orderpayment AS link
        JOIN payments_charge AS charge ON charge.payment = link.payment
        WHERE link.order_id = o.id AND charge.captured_at IS NOT NULL
    )
    AND NOT EXISTS (
        SELECT FROM orders_orderpayment AS link
        JOIN payments_paymentintent AS intent ON intent.id = link.payment
        WHERE link.order_id = o.id AND intent.status = 'succeeded'
    )
ORDER BY o.id
"""


@check(
    name="paid_order_unpaid",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="An order counts as paid, and no payment that succeeded belongs to it: goods leave, or "
    "have left, for no money.",
    remedy="Hold the order back. Find its payment in Stripe's dashboard and have it read; if there "
    "is none, the order was marked by something other than this product.",
    remedies=("read_again",),
)
def paid_order_unpaid(now: datetime) -> Iterator[Finding]:
    for row in rows(UNPAID, {"before": now - SETTLED_AFTER}):
        currency = row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], currency)} is "
            f"{row['status']}, and no payment belongs to it",
            evidence={
                "order total": amount(row["total"], currency),
                "captured": amount(0, currency),
                "status": row["status"],
                "paid at": moment(row["paid_at"]),
            },
            amount_minor=row["total"],
            currency=currency,
        )


# An order that Stripe made is paid with what its intent received, be it less than its total. An
# intent counts by itself when its charge should have come long ago. That a payment failed since is
# no reason to be pending, but nor is it money that waits.
REQUIRED = "least(o.total_minor, own.amount_received)"
OWN_INTENT = """
LEFT JOIN payments_paymentintent AS own ON own.id = o.payment_intent_id
    AND o.source = 'stripe' AND own.succeeded_at IS NOT NULL AND own.amount_received > 0
"""
PENDING = f"""
WITH waiting AS (
    SELECT o.id, o.currency, link.payment FROM orders_order AS o
    JOIN orders_orderpayment AS link ON link.order_id = o.id WHERE o.status = 'pending'
),
money AS (
    SELECT waiting.id AS order_id, charge.id AS charge_id, charge.captured_at AS at,
        charge.amount_captured AS amount
    FROM waiting
    JOIN payments_charge AS charge ON charge.payment = waiting.payment
    WHERE charge.currency = waiting.currency AND charge.status <> 'failed'
        AND charge.amount_captured > 0 AND charge.captured_at < %(settled_before)s
    UNION ALL
    SELECT waiting.id, NULL, intent.succeeded_at, intent.amount_received
    FROM waiting
    JOIN payments_paymentintent AS intent ON intent.id = waiting.payment
    WHERE intent.currency = waiting.currency AND intent.status = 'succeeded'
        AND intent.amount_received > 0 AND intent.succeeded_at < %(told_before)s
        AND NOT EXISTS (
            SELECT FROM payments_charge AS charge
            WHERE charge.payment = waiting.payment
                AND charge.captured_at IS NOT NULL
        )
)
SELECT o.id, o.number, o.currency, o.total_minor AS total, {REQUIRED} AS required,
    sum(money.amount)::bigint AS captured, max(money.at) AS captured_at,
    coalesce(
        array_agg(money.charge_id ORDER BY money.at, money.charge_id)
            FILTER (WHERE money.charge_id IS NOT NULL),
        '{{}}'
    ) AS ids
FROM money
JOIN orders_order AS o ON o.id = money.order_id
{OWN_INTENT}
GROUP BY o.id, own.amount_received
HAVING sum(money.amount) >= {REQUIRED}
ORDER BY o.id
"""


@check(
    name="payment_order_pending",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="An order was paid in full and still waits for its payment: the customer has paid, and "
    "nobody will send it.",
    remedy="Read the payment again from Stripe, which makes the order paid. If it stays pending, "
    "look for dead events.",
    remedies=("read_again",),
)
def payment_order_pending(now: datetime) -> Iterator[Finding]:
    before = {"settled_before": now - SETTLED_AFTER, "told_before": now - CHARGE_WITHIN}
    for row in rows(PENDING, before):
        captured, currency = row["captured"], row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} is pending, and {format_money(captured, currency)} "
            "was captured for it",
            evidence={
                "order total": amount(row["total"], currency),
                "enough": amount(row["required"], currency),
                "captured": amount(captured, currency),
                "captured at": moment(row["captured_at"]),
                "charges": charges(row),
            },
            amount_minor=captured,
            currency=currency,
        )


# The database lets a payment belong to one order alone. Two may lay claim to it all the same: its
# intent names one and its Checkout session another, or the shop writes another number into its
# metadata after it was linked, since a link stays. That matters while the other one waits. Each
# pending order is looked up in the indexes over what payments name (OFFSET keeps it so: nobody can
# estimate what stands in metadata).
NAMED_BY = {
    "its metadata": """SELECT intent.id AS payment FROM payments_paymentintent AS intent
        WHERE (intent.metadata -> 'order') = to_jsonb(waiting.number)""",
    "the metadata of its charge": """SELECT charge.payment FROM payments_charge AS charge
        WHERE (charge.metadata -> 'order') = to_jsonb(waiting.number)""",
    "the metadata of its Checkout session": """SELECT session.payment_intent_id
        FROM payments_checkoutsession AS session
        WHERE (session.metadata -> 'order') = to_jsonb(waiting.number)""",
    "the reference of its Checkout session": """SELECT session.payment_intent_id
        FROM payments_checkoutsession AS session
        WHERE session.client_reference_id = waiting.number
            AND session.client_reference_id <> ''""",
    "having been made of it": "SELECT waiting.payment_intent_id",
}
CLAIMS = " UNION ALL ".join(
    f"SELECT named.payment, '{by}' AS by FROM ({lookup} OFFSET 0) AS named (payment)"
    for by, lookup in NAMED_BY.items()
)
OTHERS = f"""
WITH {KEPT}, waiting AS (
    SELECT id, number::text, payment_intent_id FROM orders_order WHERE status = 'pending'
),
claim AS (
    SELECT DISTINCT ON (told.payment) told.payment, waiting.id AS named_id, told.by, link.order_id
    FROM waiting
    CROSS JOIN LATERAL ({CLAIMS}) AS told
    JOIN orders_orderpayment AS link ON link.payment = told.payment
    WHERE link.order_id <> waiting.id
    ORDER BY told.payment, waiting.id, told.by
)
SELECT claim.payment, claim.by, captured.payment_intent_id AS intent, captured.charge_id,
    captured.currency, captured.amount - coalesce(given_back.amount, 0) AS kept,
    o.id, o.number, named.id AS named_id, named.number AS name,
    named.total_minor AS named_total, named.currency AS named_currency
FROM claim
JOIN captured ON captured.payment = claim.payment
JOIN orders_order AS o ON o.id = claim.order_id
JOIN orders_order AS named ON named.id = claim.named_id
LEFT JOIN given_back ON given_back.payment = claim.payment
WHERE captured.amount > coalesce(given_back.amount, 0)
ORDER BY claim.payment
"""


@check(
    name="payment_names_other_order",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=(Area.SALES, Area.PRODUCTS),
    meaning="One payment is claimed by two orders: it counts for one of them, and the other one, "
    "which it names too, still waits for its money.",
    remedy="Find out what was bought. If the payment counts for the right order, cancel the other "
    "one or have it paid; else refund the payment and have it taken anew for the right one.",
    remedies=("refund_part", "read_again"),
)
def payment_names_other_order(now: datetime) -> Iterator[Finding]:
    for row in rows(OTHERS, {}):
        kept, currency = int(row["kept"]), row["currency"]
        yield Finding(
            subject_type=label(PaymentIntent if row["intent"] else Charge),
            subject_id=row["payment"],
            summary=f"A payment of {format_money(kept, currency)} counts for order "
            f"{row['number']}, and order {row['name']}, which is pending, claims it by {row['by']}",
            evidence={
                "kept": amount(kept, currency),
                "counts for": reference(Order, row["id"], row["number"]),
                "claimed by": reference(Order, row["named_id"], row["name"]),
                "that order waits for": amount(row["named_total"], row["named_currency"]),
                "how": row["by"],
                "charge": reference(Charge, row["charge_id"]),
            },
            amount_minor=kept,
            currency=currency,
        )
