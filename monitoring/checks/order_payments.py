"""Checks between orders and their payments: who is paid is paid by money, once, and knows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.checks.payments_orders import KEPT, SETTLED_AFTER, charges
from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, PaymentIntent
from payments.money import format_money

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


PENDING = f"""
WITH {KEPT}
SELECT o.id, o.number, o.currency, o.total_minor AS total,
    sum(captured.amount)::bigint AS captured, max(captured.captured_at) AS captured_at,
    array_agg(captured.charge_id ORDER BY captured.captured_at, captured.charge_id) AS ids
FROM orders_order AS o
JOIN orders_orderpayment AS link ON link.order_id = o.id
JOIN captured ON captured.payment = link.payment AND captured.currency = o.currency
LEFT JOIN given_back ON given_back.payment = captured.payment
WHERE o.status = 'pending' AND captured.captured_at < %(before)s
GROUP BY o.id
HAVING sum(captured.amount - coalesce(given_back.amount, 0)) >= o.total_minor
ORDER BY o.id
"""


@check(
    name="payment_order_pending",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    meaning="An order was paid in full and still waits for its payment: nobody will send it.",
    remedy="Read the payment again from Stripe. If the order stays pending, look for dead events.",
    remedies=("read_again",),
)
def payment_order_pending(now: datetime) -> Iterator[Finding]:
    for row in rows(PENDING, {"before": now - SETTLED_AFTER}):
        captured, currency = row["captured"], row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} is pending, and {format_money(captured, currency)} "
            "was captured for it",
            evidence={
                "order total": amount(row["total"], currency),
                "captured": amount(captured, currency),
                "captured at": moment(row["captured_at"]),
                "charges": charges(row),
            },
            amount_minor=captured,
            currency=currency,
        )


# Parts that make a whole are no two payments: one of several must be enough by itself.
SEVERAL = f"""
WITH {KEPT}, kept AS (
    SELECT link.order_id, captured.payment, captured.charge_id, captured.captured_at,
        captured.currency, captured.amount - coalesce(given_back.amount, 0) AS amount
    FROM captured
    JOIN orders_orderpayment AS link ON link.payment = captured.payment
    LEFT JOIN given_back ON given_back.payment = captured.payment
    WHERE captured.amount > coalesce(given_back.amount, 0)
)
SELECT o.id, o.number, o.currency, o.total_minor AS total, sum(kept.amount)::bigint AS kept,
    count(*) AS payments,
    array_agg(kept.charge_id ORDER BY kept.captured_at, kept.charge_id) AS ids
FROM kept JOIN orders_order AS o ON o.id = kept.order_id AND o.currency = kept.currency
WHERE o.status <> 'canceled'
GROUP BY o.id
HAVING count(*) > 1 AND max(kept.amount) >= o.total_minor
ORDER BY o.id
"""


@check(
    name="several_payments",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="An order was paid more than once, as when a customer tries again after a page that "
    "didn't load: one payment was enough, and the others belong to the customer.",
    remedy="Refund the payment that is too many; the first one stays.",
    remedies=("refund_duplicate", "refund_part", "read_again"),
)
def several_payments(now: datetime) -> Iterator[Finding]:
    for row in rows(SEVERAL, {}):
        kept, total, currency = row["kept"], row["total"], row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(total, currency)} was paid by "
            f"{row['payments']} payments: {format_money(kept, currency)}",
            evidence={
                "order total": amount(total, currency),
                "captured and kept": amount(kept, currency),
                "too much": amount(kept - total, currency),
                "charges": charges(row),
            },
            amount_minor=kept - total,
            currency=currency,
        )


# A payment pays one order, of which the database makes sure; but it may name another one.
OTHERS = """
SELECT DISTINCT ON (told.payment) told.payment, told.name, told.by, o.id, o.number, o.currency,
    named.id AS named_id
FROM (
    SELECT intent.id AS payment, intent.metadata ->> 'order' AS name, 'its metadata' AS by
    FROM payments_paymentintent AS intent
    WHERE intent.metadata ->> 'order' IS NOT NULL
    UNION ALL
    SELECT session.payment_intent_id, session.client_reference_id, 'its Checkout session'
    FROM payments_checkoutsession AS session
    WHERE session.payment_intent_id IS NOT NULL AND session.client_reference_id <> ''
) AS told
JOIN orders_orderpayment AS link ON link.payment = told.payment
JOIN orders_order AS o ON o.id = link.order_id AND o.number <> told.name
JOIN orders_order AS named ON named.number = told.name
ORDER BY told.payment, told.by
"""
KEPT_OF = f"""
WITH {KEPT}, told AS ({OTHERS})
SELECT told.*, captured.charge_id, captured.currency AS paid_in,
    captured.amount - coalesce(given_back.amount, 0) AS kept
FROM told
JOIN captured ON captured.payment = told.payment
LEFT JOIN given_back ON given_back.payment = told.payment
WHERE captured.amount > coalesce(given_back.amount, 0)
ORDER BY told.payment
"""


@check(
    name="payment_names_other_order",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="One payment speaks of two orders: it counts for one of them, and names another one, "
    "which may be waiting for it.",
    remedy="Find out what was bought. If the payment counts for the right order, accept this; "
    "else refund it, or fulfil what was really bought.",
    remedies=("refund_payment", "read_again"),
)
def payment_names_other_order(now: datetime) -> Iterator[Finding]:
    for row in rows(KEPT_OF, {}):
        yield Finding(
            subject_type=label(PaymentIntent),
            subject_id=row["payment"],
            summary=f"A payment of {format_money(row['kept'], row['paid_in'])} counts for order "
            f"{row['number']}, and {row['by']} names {row['name']}",
            evidence={
                "counts for": reference(Order, row["id"], row["number"]),
                "names": reference(Order, row["named_id"], row["name"]),
                "named by": row["by"],
                "charge": reference(Charge, row["charge_id"]),
            },
            amount_minor=row["kept"],
            currency=row["paid_in"],
        )


# Card networks let an authorisation stand for about a week; Stripe says until when where it knows.
# https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
HELD_FOR = timedelta(days=7)
NEAR = timedelta(days=2)
EXPIRING = """
SELECT charge.id, charge.payment, charge.amount, charge.currency, charge.created,
    coalesce(charge.capture_before, charge.created + %(held)s) AS until, o.id AS order_id, o.number
FROM payments_charge AS charge
JOIN payments_paymentintent AS intent ON intent.id = charge.payment_intent_id
    AND intent.status = 'requires_capture'
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE charge.status = 'succeeded' AND charge.captured_at IS NULL AND NOT charge.captured
    AND coalesce(charge.capture_before, charge.created + %(held)s) < %(until)s
ORDER BY until, charge.id
"""


@check(
    name="authorisation_expiring",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="Money is held on a customer's card and not captured, and the hold ends soon: then it "
    "is gone, and the customer must be asked anew.",
    remedy="Capture it in Stripe's dashboard if the order can be served; else cancel it there.",
    remedies=("read_again",),
)
def authorisation_expiring(now: datetime) -> Iterator[Finding]:
    for row in rows(EXPIRING, {"held": HELD_FOR, "until": now + NEAR}):
        currency, until = row["currency"], row["until"]
        whose = f" for order {row['number']}" if row["number"] else ""
        ends = "ended" if until < now else "ends"
        yield Finding(
            subject_type=label(Charge),
            subject_id=row["id"],
            summary=f"{format_money(row['amount'], currency)} held{whose} and not captured: the "
            f"hold {ends} {until:%Y-%m-%d %H:%M} UTC",
            evidence={
                "held": amount(row["amount"], currency),
                "held since": moment(row["created"]),
                "until": moment(until),
                "order": reference(Order, row["order_id"], row["number"])
                if row["order_id"]
                else "",
            },
            amount_minor=row["amount"],
            currency=currency,
            severity=Severity.HIGH if until < now + timedelta(days=1) else None,
        )
