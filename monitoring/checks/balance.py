"""Checks of the Stripe balance: what moved in and out adds up to what Stripe says there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, moment, rows
from payments.money import format_money

# Not a row but a currency of one of Stripe's balances, such as "eur payments".
SUBJECT = "balance"

# A reading is compared once what was listed with it has surely been processed.
PROCESSED_WITHIN = timedelta(minutes=15)
# Clocks differ, and the balance may be a little ahead of the list or behind it: what moved within
# so much of a reading may or may not be in it.
MARGIN = timedelta(minutes=2)

# Each reading implies what the balance must have begun with: what it states, less all that moved
# before it. What moved within the margin makes that a range, from low to high. All readings of the
# last day are looked at, and the three with the narrowest ranges (on a quiet account: the newest)
# must agree that the beginning was another than it was. So nothing that passes is found: not a
# transaction that is only just made, not one answer of Stripe's that was old.
#
# The beginning is 0 where all transactions that there ever were have been listed. Otherwise it is
# what the readings of the first day imply, in the same way.
BALANCES = """
WITH newest AS (
    SELECT livemode, created FROM payments_balancereading
    WHERE created < %(before)s ORDER BY created DESC, id DESC LIMIT 1
),
known AS (
    SELECT min(reading.created) AS oldest, bool_or(reading.whole_history) AS whole
    FROM payments_balancereading AS reading
    JOIN newest ON newest.livemode = reading.livemode AND reading.created <= newest.created
),
reading AS (
    SELECT reading.id, reading.created, reading.amounts, true AS closing
    FROM payments_balancereading AS reading
    JOIN newest ON newest.livemode = reading.livemode AND reading.created <= newest.created
        AND reading.created > newest.created - interval '1 day'
    UNION ALL
    SELECT reading.id, reading.created, reading.amounts, false
    FROM payments_balancereading AS reading
    JOIN newest ON newest.livemode = reading.livemode AND reading.created <= newest.created
    JOIN known ON NOT known.whole AND reading.created < known.oldest + interval '1 day'
),
bounds AS (
    SELECT array_agg(DISTINCT bound ORDER BY bound) AS at
    FROM reading
    CROSS JOIN LATERAL (
        VALUES (created - %(margin)s::interval), (created + %(margin)s::interval)
    ) AS around (bound)
),
-- One pass over all transactions: what moved before, between and after those moments.
moved AS (
    SELECT balance_type, currency,
        width_bucket(coalesce(created, available_on), (SELECT at FROM bounds)) AS bucket,
        sum(net) AS net,
        coalesce(sum(net) FILTER (WHERE net > 0), 0) AS gained,
        coalesce(sum(net) FILTER (WHERE net < 0), 0) AS lost,
        coalesce(sum(net) FILTER (
            WHERE reporting_category IN ('payout', 'payout_reversal')), 0) AS payouts
    FROM payments_balancetransaction
    WHERE livemode = (SELECT livemode FROM newest) AND (SELECT at FROM bounds) IS NOT NULL
    GROUP BY 1, 2, 3
),
line AS (
    SELECT reading.id, reading.closing, told.key AS balance_type, held.key AS currency,
        (held.value ->> 'available')::bigint AS available,
        (held.value ->> 'pending')::bigint AS pending
    FROM reading
    CROSS JOIN LATERAL jsonb_each(reading.amounts) AS told
    CROSS JOIN LATERAL jsonb_each(told.value) AS held
),
pair AS (
    SELECT balance_type, currency FROM moved UNION SELECT balance_type, currency FROM line
),
-- A currency that a balance doesn't name has nothing in it; a balance that isn't told is unknown.
stated AS (
    SELECT reading.id, reading.closing, reading.created, pair.balance_type, pair.currency,
        coalesce(line.available, 0) AS available, coalesce(line.pending, 0) AS pending,
        array_position((SELECT at FROM bounds), reading.created - %(margin)s::interval) AS since,
        array_position((SELECT at FROM bounds), reading.created + %(margin)s::interval) AS until
    FROM reading
    JOIN pair ON reading.amounts -> pair.balance_type IS NOT NULL
    LEFT JOIN line ON line.id = reading.id AND line.closing = reading.closing
        AND line.balance_type = pair.balance_type AND line.currency = pair.currency
),
added AS (
    SELECT stated.id, stated.closing, stated.created, stated.balance_type, stated.currency,
        stated.available, stated.pending, stated.available + stated.pending AS total,
        coalesce(sum(moved.net) FILTER (WHERE moved.bucket < since), 0) AS before,
        coalesce(sum(moved.payouts) FILTER (WHERE moved.bucket < since), 0) AS payouts,
        coalesce(sum(moved.gained) FILTER (WHERE moved.bucket >= since), 0) AS gained,
        coalesce(sum(moved.lost) FILTER (WHERE moved.bucket >= since), 0) AS lost
    FROM stated
    LEFT JOIN moved ON moved.balance_type = stated.balance_type
        AND moved.currency = stated.currency AND moved.bucket < stated.until
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
ranked AS (
    SELECT *, total - before - gained AS low, total - before - lost AS high,
        row_number() OVER (
            PARTITION BY closing, balance_type, currency
            ORDER BY gained - lost, CASE WHEN closing THEN created END DESC,
                CASE WHEN closing THEN id END DESC, created, id
        ) AS place
    FROM added
),
implied AS (
    SELECT balance_type, currency, closing, min(low) AS low, max(high) AS high
    FROM ranked WHERE place <= 3 GROUP BY 1, 2, 3
)
SELECT closing.created, closing.balance_type, closing.currency, closing.available,
    closing.pending, closing.total, closing.gained, closing.lost,
    opening.created AS opening_at, coalesce(opening.total, 0) AS opening,
    closing.payouts - coalesce(opening.payouts, 0) AS payouts,
    (closing.before - closing.payouts)
        - coalesce(opening.before - opening.payouts, 0) AS transactions,
    CASE
        WHEN ended.low > coalesce(began.high, 0) THEN ended.low - coalesce(began.high, 0)
        ELSE ended.high - coalesce(began.low, 0)
    END AS difference
FROM ranked AS closing
JOIN implied AS ended ON ended.closing AND ended.balance_type = closing.balance_type
    AND ended.currency = closing.currency
LEFT JOIN ranked AS opening ON NOT opening.closing AND opening.place = 1
    AND opening.balance_type = closing.balance_type AND opening.currency = closing.currency
LEFT JOIN implied AS began ON NOT began.closing AND began.balance_type = closing.balance_type
    AND began.currency = closing.currency
WHERE closing.closing AND closing.place = 1
    AND (began.low IS NOT NULL OR (SELECT whole FROM known))
    AND (ended.low > coalesce(began.high, 0) OR ended.high < coalesce(began.low, 0))
ORDER BY closing.balance_type, closing.currency
"""


@check(
    name="balance_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SETTLEMENT,),
    meaning="What was in the Stripe balance, with all that moved since and less what was paid out, "
    "isn’t what Stripe says is in it now. A transaction is missing here, or one is wrong. It is "
    "told only once three readings of the balance agree on it, where there are three.",
    remedy="List all balance transactions again: `manage.py sync_stripe --only "
    "balance_transactions`. If the difference stays, compare with the balance report in Stripe’s "
    "dashboard, and ask Stripe’s support.",
    numbers=("difference",),
)
def balance_mismatch(now: datetime) -> Iterator[Finding]:
    parameters = {"before": now - PROCESSED_WITHIN, "margin": MARGIN}
    for row in rows(BALANCES, parameters):
        currency, difference = row["currency"], int(row["difference"])
        transactions, payouts = int(row["transactions"]), int(row["payouts"])
        uncertain = int(row["gained"] - row["lost"])
        more = "more" if difference > 0 else "less"
        yield Finding(
            subject_type=SUBJECT,
            subject_id=f"{currency} {row['balance_type']}",
            summary=f"Stripe’s balance of {named(row['balance_type'])} is "
            f"{format_money(abs(difference), currency)} {more} than its transactions add up to",
            evidence={
                "opening": amount(row["opening"], currency),
                "opening at": moment(row["opening_at"]),
                "transactions": amount(transactions, currency),
                "payouts": amount(payouts, currency),
                "closing should be": amount(row["opening"] + transactions + payouts, currency),
                "closing by Stripe": amount(row["total"], currency),
                "of it available": amount(row["available"], currency),
                "of it pending": amount(row["pending"], currency),
                "moved at that moment": amount(uncertain, currency),
                "closing at": moment(row["created"]),
                "difference": amount(difference, currency),
            },
            amount_minor=abs(difference),
            currency=currency,
        )


NEGATIVE = """
SELECT newest.created, told.key AS balance_type, held.key AS currency,
    (held.value ->> 'available')::bigint AS available,
    (held.value ->> 'pending')::bigint AS pending
FROM (SELECT * FROM payments_balancereading ORDER BY created DESC, id DESC LIMIT 1) AS newest
CROSS JOIN LATERAL jsonb_each(newest.amounts) AS told
CROSS JOIN LATERAL jsonb_each(told.value) AS held
WHERE (held.value ->> 'available')::bigint + (held.value ->> 'pending')::bigint < 0
ORDER BY told.key, held.key
"""


@check(
    name="balance_negative",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="You owe Stripe money: refunds, disputes and fees took more out of the balance than "
    "payments put in. New refunds may be refused, there are no payouts, and Stripe may take the "
    "money from your bank account.",
    remedy="See what took it: the newest refunds and disputes. Top the balance up in Stripe’s "
    "dashboard, or wait for payments to fill it. It resolves once available and pending money "
    "together are above zero.",
    numbers=("together",),
)
def balance_negative(now: datetime) -> Iterator[Finding]:
    """Judged with what is pending: after a day's payout, refunds alone make available negative."""
    for row in rows(NEGATIVE, {}):
        currency, owed = row["currency"], -(row["available"] + row["pending"])
        yield Finding(
            subject_type=SUBJECT,
            subject_id=f"{currency} {row['balance_type']}",
            summary=f"Stripe’s balance of {named(row['balance_type'])} is "
            f"{format_money(-owed, currency)}",
            evidence={
                "available": amount(row["available"], currency),
                "pending": amount(row["pending"], currency),
                "together": amount(-owed, currency),
                "as of": moment(row["created"]),
            },
            amount_minor=owed,
            currency=currency,
        )


def named(balance_type: str) -> str:
    """Stripe's word for a balance, for reading."""
    return balance_type.replace("_", " ")
