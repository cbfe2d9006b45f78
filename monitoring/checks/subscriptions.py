"""Checks of subscriptions and their invoices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.conf import settings

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from payments.models import Customer, Invoice, Subscription
from payments.money import format_money
from payments.vocabulary import SUBSCRIPTION_STATUSES

# Longer than it takes to list which payments paid an invoice.
PAYMENTS_LISTED_WITHIN = timedelta(hours=1)
# Stripe makes a period's invoice within the hour; the rest is for what delays the events of it.
INVOICED_WITHIN = timedelta(hours=24)
CLOCKS_DIFFER = timedelta(minutes=5)

UNKNOWN_STATUS = """
SELECT id, status, customer_id, currency, items, as_of FROM payments_subscription
WHERE status <> ALL(%(known)s) ORDER BY id
"""


@check(
    name="subscription_status_unknown",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="A subscription has a status that this version doesn’t know. Recurring revenue counts "
    "it as nothing.",
    remedy="Read in Stripe’s changelog what the status means, and update Countinghouse to a "
    "version that knows it.",
    remedies=("read_again",),
)
def subscription_status_unknown(now: datetime) -> Iterator[Finding]:
    for row in rows(UNKNOWN_STATUS, {"known": sorted(SUBSCRIPTION_STATUSES)}):
        each = a_period(row["items"], row["currency"])
        yield Finding(
            subject_type=label(Subscription),
            subject_id=row["id"],
            summary=f"The subscription is {row['status']}, and nobody knows what that is",
            evidence={
                "status": row["status"],
                "as of": moment(row["as_of"]),
                "customer": customer(row),
                "its items, each period": amount(each, row["currency"]) if each else "",
            },
            amount_minor=each,
            currency=row["currency"] if each is not None else "",
        )


def number(field: str) -> str:
    """SQL for a number of the invoice as an event has it; 0 where there is none."""
    path = f"event.payload #> '{{data,object,{field}}}'"
    return f"CASE WHEN jsonb_typeof({path}) = 'number' THEN ({path})::numeric ELSE 0 END"


# Paid by payments that Stripe lists for the invoice (among them records of payments made outside of
# Stripe) or, in versions before basil (2025-03-31), by a charge that names the invoice, or by one
# whose intent does. What the customer's credit or credit notes covered, and what was paid outside
# of Stripe, only the invoice itself says: it is looked up for the few that are in question.
UNPAID = f"""
WITH listed AS (
    SELECT invoice_id, sum(coalesce(amount_paid, amount_requested)) AS amount
    FROM payments_invoicepayment WHERE status = 'paid' GROUP BY invoice_id
),
charged AS (
    SELECT coalesce(charge.invoice_id, intent.invoice_id) AS invoice_id,
        sum(charge.amount_captured) AS amount
    FROM payments_charge AS charge
    LEFT JOIN payments_paymentintent AS intent
        ON intent.id = charge.payment_intent_id AND intent.invoice_id IS NOT NULL
    WHERE charge.captured_at IS NOT NULL AND charge.status <> 'failed'
        AND (charge.invoice_id IS NOT NULL OR intent.invoice_id IS NOT NULL)
    GROUP BY 1
)
SELECT invoice.*, told.credit, told.outside,
    invoice.amount_paid - invoice.paid_for - told.credit - told.outside AS missing
FROM (
    SELECT invoice.id, invoice.number, invoice.currency, invoice.customer_id,
        invoice.subscription_id, invoice.amount_paid, invoice.paid_at, invoice.as_of,
        greatest(coalesce(listed.amount, 0), coalesce(charged.amount, 0)) AS paid_for
    FROM payments_invoice AS invoice
    LEFT JOIN listed ON listed.invoice_id = invoice.id
    LEFT JOIN charged ON charged.invoice_id = invoice.id
    WHERE invoice.status = 'paid' AND invoice.amount_paid > 0 AND NOT invoice.paid_out_of_band
        AND greatest(invoice.paid_at, invoice.as_of) < %(before)s
        AND invoice.amount_paid > greatest(coalesce(listed.amount, 0), coalesce(charged.amount, 0))
) AS invoice
CROSS JOIN LATERAL (
    SELECT coalesce(max({number("amount_paid_off_stripe")}), 0) AS outside, coalesce(max(
            greatest(
                least({number("ending_balance")}, 0) - least({number("starting_balance")}, 0), 0
            ) + {number("pre_payment_credit_notes_amount")}
        ), 0) AS credit
    FROM payments_stripeevent AS event
    WHERE event.object_type = 'invoice' AND event.object_id = invoice.id
) AS told
WHERE invoice.amount_paid > invoice.paid_for + told.credit + told.outside
ORDER BY invoice.id
"""


@check(
    name="invoice_paid_without_payment",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="Stripe counts an invoice as paid, and neither payments nor credit nor a mark that it "
    "was paid outside of Stripe account for all of it. The revenue may not be there.",
    remedy="Read the invoice’s payments again: `manage.py sync_stripe --only invoice_payments`. "
    "If there are none, see in Stripe’s dashboard how it came to be paid.",
    remedies=("read_again",),
)
def invoice_paid_without_payment(now: datetime) -> Iterator[Finding]:
    for row in rows(UNPAID, {"before": now - PAYMENTS_LISTED_WITHIN}):
        currency, missing = row["currency"], int(row["missing"])
        yield Finding(
            subject_type=label(Invoice),
            subject_id=row["id"],
            summary=f"Invoice {row['number'] or row['id']} is paid, and "
            f"{format_money(missing, currency)} of it by nothing that is known",
            evidence={
                "paid": amount(row["amount_paid"], currency),
                "by payments": amount(int(row["paid_for"]), currency),
                "by credit": amount(int(row["credit"]), currency),
                "outside of Stripe": amount(int(row["outside"]), currency),
                "by nothing": amount(missing, currency),
                "paid at": moment(row["paid_at"]),
                "subscription": subscription(row["subscription_id"]),
                "customer": customer(row),
            },
            amount_minor=missing,
            currency=currency,
        )


WITHOUT_INVOICE = """
SELECT sub.id, sub.customer_id, sub.currency, sub.items, sub.current_period_start,
    sub.current_period_end, sub.latest_invoice_id, latest.created AS latest_created,
    latest.id IS NOT NULL AS latest_known
FROM payments_subscription AS sub
LEFT JOIN payments_invoice AS latest ON latest.id = sub.latest_invoice_id
WHERE sub.status = 'active' AND NOT sub.paused AND sub.current_period_start < %(before)s
    AND NOT EXISTS (
        SELECT FROM payments_invoice AS invoice
        WHERE invoice.subscription_id = sub.id
            AND invoice.created >= sub.current_period_start - %(clocks)s::interval
    )
    AND NOT coalesce(latest.created >= sub.current_period_start - %(clocks)s::interval, false)
ORDER BY sub.id
"""


@check(
    name="subscription_without_invoice",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="A subscription is active, its collection is not paused, and its period has been going "
    "for more than a day without an invoice. The customer is served and not charged, or we lack "
    "the invoice.",
    remedy="List its invoices again: `manage.py sync_stripe --only invoices`. If Stripe has none, "
    "invoice the customer there.",
    remedies=("read_again",),
)
def subscription_without_invoice(now: datetime) -> Iterator[Finding]:
    """Less bad where the subscription names an invoice that we lack: it is ours to fetch."""
    parameters = {"before": now - INVOICED_WITHIN, "clocks": CLOCKS_DIFFER}
    for row in rows(WITHOUT_INVOICE, parameters):
        currency, each = row["currency"], a_period(row["items"], row["currency"])
        lacked = bool(row["latest_invoice_id"]) and not row["latest_known"]
        yield Finding(
            subject_type=label(Subscription),
            subject_id=row["id"],
            summary=f"No invoice is known for the period since "
            f"{row['current_period_start']:%Y-%m-%d %H:%M} UTC",
            evidence={
                "period from": moment(row["current_period_start"]),
                "to": moment(row["current_period_end"]),
                "its items, each period": amount(each, currency) if each is not None else "",
                "latest invoice": f"{row['latest_invoice_id']}, which we lack"
                if lacked
                else reference(Invoice, row["latest_invoice_id"])
                if row["latest_invoice_id"]
                else "",
                "made at": moment(row["latest_created"]),
                "customer": customer(row),
            },
            amount_minor=each,
            currency=currency if each is not None else "",
            severity=Severity.LOW if lacked else None,
        )


# Since when it is past due the spans of its history tell. Where we first saw it past due already,
# the oldest invoice that waits for its money has waited longer.
PAST_DUE = """
SELECT sub.id, sub.customer_id, sub.currency, least(history.since, owed.since) AS since,
    owed.amount, owed.currency AS owed_currency, owed.currencies, owed.invoice_id, owed.attempts
FROM payments_subscription AS sub
LEFT JOIN LATERAL (
    SELECT min(starts_at) AS since FROM analyticsapp_subscriptionspan AS span
    WHERE span.subscription_id = sub.id AND span.status = 'past_due'
        AND span.starts_at >= coalesce((
            SELECT max(other.ends_at) FROM analyticsapp_subscriptionspan AS other
            WHERE other.subscription_id = sub.id AND other.status <> 'past_due'
        ), span.starts_at)
) AS history ON true
LEFT JOIN LATERAL (
    SELECT min(coalesce(due_date, finalized_at, created)) AS since,
        sum(amount_remaining)::bigint AS amount, min(currency) AS currency,
        count(DISTINCT currency) AS currencies, max(attempt_count) AS attempts,
        (array_agg(id ORDER BY coalesce(due_date, finalized_at, created)))[1] AS invoice_id
    FROM payments_invoice
    WHERE subscription_id = sub.id AND status IN ('open', 'uncollectible') AND amount_remaining > 0
) AS owed ON true
WHERE sub.status = 'past_due' AND least(history.since, owed.since) < %(before)s
ORDER BY since, sub.id
"""


@check(
    name="subscription_past_due",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="A subscription has been past due for longer than SUBSCRIPTION_PAST_DUE_DAYS. It "
    "counts as recurring revenue unless MRR_COUNTS_PAST_DUE is off, and nobody pays for it.",
    remedy="Ask the customer for another way to pay, or cancel the subscription in Stripe’s "
    "dashboard. How long Stripe tries, and what it does then, is set there (Billing, Subscriptions "
    "and emails).",
    remedies=("read_again",),
)
def subscription_past_due(now: datetime) -> Iterator[Finding]:
    before = now - timedelta(days=settings.SUBSCRIPTION_PAST_DUE_DAYS)
    for row in rows(PAST_DUE, {"before": before}):
        one_currency = row["currencies"] == 1
        currency = row["owed_currency"] if one_currency else ""
        days = (now - row["since"]).days
        yield Finding(
            subject_type=label(Subscription),
            subject_id=row["id"],
            summary=f"Past due for {days} days",
            evidence={
                "past due since": moment(row["since"]),
                "owed": amount(row["amount"], currency) if one_currency else "",
                "oldest unpaid invoice": reference(Invoice, row["invoice_id"])
                if row["invoice_id"]
                else "",
                "tries to collect": row["attempts"],
                "customer": customer(row),
            },
            amount_minor=row["amount"] if one_currency else None,
            currency=currency,
        )


def customer(row: dict[str, Any]) -> dict[str, Any] | str:
    return reference(Customer, row["customer_id"]) if row["customer_id"] else ""


def subscription(key: str | None) -> dict[str, Any] | str:
    return reference(Subscription, key) if key else ""


def a_period(items: Sequence[dict[str, Any]] | str, currency: str) -> int | None:
    """What a period of the items costs before discounts and tax, in minor units; None where that
    isn't one amount: other currencies, other periods, or prices that depend on use."""
    periods = set()
    total = Fraction(0)
    for item in json.loads(items) if isinstance(items, str) else items:
        decimal = item["unit_amount_decimal"]
        if item["currency"] != currency or item["usage_type"] == "metered" or decimal is None:
            return None
        periods.add((item["interval"], item["interval_count"]))
        try:
            total += Fraction(decimal) * int(item["quantity"])
        except ValueError:  # kept as it came
            return None
    return round(total) if len(periods) == 1 else None
