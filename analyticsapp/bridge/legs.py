"""The SQL of the bridge: the legs by which every sale gets to what Stripe settled.

A sale begins in the customer's currency. Each balance transaction of its own takes over from it:
closes the part that it settles and opens its own amount, in the settlement's currency. What is left
of a sale without a transaction, transactions without a sale, and fees have legs of their own. So
whatever the rows are, the legs of some days in one currency add up to what Stripe's balance in it
changed by on these days; and no leg is of two currencies.

Where a sale and its transaction are of different days, the part leaves the sale's day by one leg
and comes in on the transaction's by another. Each names the other day, so that over a period that
holds both the two can be left out.

A leg: ``n`` (which of the given days), currency, counterpart (the currency on the other side),
line, other_day, amount, of which row it is: kind, id, at; and other, which is the sale's
transaction or the transaction's sale. A row has one leg a line, currency and other.
"""

from __future__ import annotations

from analyticsapp.bridge.lines import (
    AMOUNTS_DIFFER,
    CAPTURED,
    CATEGORY,
    EXCHANGED_IN,
    EXCHANGED_OUT,
    FEE,
    REFUNDED,
    REFUNDS_IN,
    REFUNDS_OUT,
    REFUNDS_UNSETTLED,
    SALES_IN,
    SALES_OUT,
    SALES_UNSETTLED,
    UNMATCHED,
)
from analyticsapp.bridge.links import LINKED
from analyticsapp.tables.settlement import FEE_PARTS
from analyticsapp.tables.table import any_day_at, day_at, in_run
from payments.categories import FEE as FEE_CATEGORY
from payments.categories import PAYMENTS

COLUMNS = (
    "n",
    "currency",
    "counterpart",
    "line",
    "other_day",
    "amount",
    "kind",
    "id",
    "at",
    "other",
)
NO_DAY = "NULL::date"


def by_kind(charge: str, refund: str) -> str:
    """SQL for one line of charges and another of refunds."""
    return f"CASE kind WHEN 'charge' THEN '{charge}' ELSE '{refund}' END"


# The other side's currency of what is no sale's own is that of the charge, refund or dispute behind
# it.
RELATIONS = f"""
    WITH {LINKED},
    part AS MATERIALIZED (
        SELECT link.*, {any_day_at("link.at")} AS day, {any_day_at("link.created")} AS other_day
        FROM link WHERE {in_run("link.at")}
    ),
    booked AS MATERIALIZED (
        SELECT row.*, {day_at("row.created")} AS n, {any_day_at("row.created")} AS day,
            link.kind AS sale_kind, link.id AS sale_id, link.part, link.currency AS sold_in,
            {any_day_at("link.at")} AS sale_day,
            coalesce(link.currency, charge.currency, refund.currency, dispute.currency, '')
                AS counterpart
        FROM moved AS row
        LEFT JOIN link ON link.moved_id = row.id
        -- Nothing is looked up for what is a sale's own: a null key has no match.
        CROSS JOIN LATERAL (
            SELECT CASE WHEN link.moved_id IS NULL THEN row.source END AS id
        ) AS behind
        LEFT JOIN payments_charge AS charge
            ON charge.id = behind.id AND charge.captured_at IS NOT NULL
        LEFT JOIN payments_refund AS refund
            ON refund.id = behind.id AND refund.succeeded_at IS NOT NULL
        LEFT JOIN payments_dispute AS dispute ON dispute.id = behind.id
        WHERE {in_run("row.created")}
    )
"""
# What a sale begins with.
BEGUN = f"""
    SELECT {day_at("at")}, currency, '', {by_kind(CAPTURED, REFUNDED)}, {NO_DAY}, amount, kind, id,
        at, ''
    FROM sold
    WHERE amount <> 0
"""
# What of it goes to another day.
LEAVING = f"""
    SELECT {day_at("at")}, currency, settled_in, {by_kind(SALES_OUT, REFUNDS_OUT)}, other_day,
        -part, kind, id, at, moved_id
    FROM part
    WHERE day <> other_day AND part <> 0
"""
# What of it has no transaction.
UNSETTLED = f"""
    SELECT {day_at("at")}, currency, '', {by_kind(SALES_UNSETTLED, REFUNDS_UNSETTLED)}, {NO_DAY},
        sum(part)::bigint, kind, id, at, ''
    FROM (
        SELECT kind, id, currency, at, -amount AS part FROM sold
        UNION ALL
        SELECT kind, id, currency, at, part FROM part
    ) AS sale
    GROUP BY kind, id, currency, at, given.starts
    HAVING sum(part) <> 0
"""
# How a transaction takes over from its sale; what is none's, and fees.
BOOKED = f"""
    SELECT moved.n, leg.currency, leg.counterpart, leg.line, leg.other_day, leg.amount,
        'balance transaction', moved.id, moved.created, coalesce(sale_id, source)
    FROM booked AS moved CROSS JOIN LATERAL (
        SELECT sold_in AS currency, currency AS counterpart,
            CASE sale_kind WHEN 'charge' THEN '{SALES_IN}' ELSE '{REFUNDS_IN}' END AS line,
            sale_day AS other_day, part AS amount
        WHERE sale_day <> day
        UNION ALL
        SELECT sold_in, currency, '{EXCHANGED_OUT}', {NO_DAY}, -part WHERE sold_in <> currency
        UNION ALL
        SELECT currency, sold_in, '{EXCHANGED_IN}', {NO_DAY}, moved.amount
        WHERE sold_in <> currency
        UNION ALL
        SELECT currency, sold_in, '{AMOUNTS_DIFFER}', {NO_DAY}, moved.amount - part
        WHERE sold_in = currency
        UNION ALL
        SELECT currency, moved.counterpart, CASE
            WHEN reporting_category IN ({", ".join(map(repr, sorted(PAYMENTS)))})
            THEN '{UNMATCHED}' ELSE '{CATEGORY}' || reporting_category
        END, {NO_DAY}, moved.amount
        WHERE sold_in IS NULL AND reporting_category <> '{FEE_CATEGORY}'
        UNION ALL
        SELECT currency, moved.counterpart, '{FEE}' || fee.type, {NO_DAY}, -sum(fee.amount)::bigint
        FROM ({FEE_PARTS}) AS fee GROUP BY fee.type
    ) AS leg
    WHERE leg.amount <> 0
"""
PARTS = {
    BEGUN: (CAPTURED, REFUNDED),
    LEAVING: (SALES_OUT, REFUNDS_OUT),
    UNSETTLED: (SALES_UNSETTLED, REFUNDS_UNSETTLED),
}


def legs(line: str = "") -> str:
    """SQL of all legs, as the relation ``leg``; or of some among which are all of one line."""
    found = [sql for sql, lines in PARTS.items() if line in lines] or [BOOKED]
    union = "UNION ALL".join(found if line else [*PARTS, BOOKED])
    return f"({RELATIONS} {union}) AS leg ({', '.join(COLUMNS)})"
