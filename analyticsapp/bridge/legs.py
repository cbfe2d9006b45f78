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
from analyticsapp.bridge.links import LINKED, within
from analyticsapp.tables.settlement import FEE_PARTS
from analyticsapp.tables.table import any_day_at, day_at
from payments.categories import FEE as FEE_CATEGORY
from payments.categories import PAYMENTS

NO_DAY = "NULL::date"


def by_kind(charge: str, refund: str) -> str:
    """SQL for one line of charges and another of refunds."""
    return f"CASE sale.kind WHEN 'charge' THEN '{charge}' ELSE '{refund}' END"


# What a sale begins with, what of it goes to another day, and what has no transaction; how a
# transaction takes over from its sale, what is none's, and fees. The other side's currency of what
# is no sale's own is that of the charge, refund or dispute behind it.
LEGS = f"""
    WITH {LINKED},
    sale AS MATERIALIZED (
        SELECT sold.*, {day_at("sold.at")} AS n, {any_day_at("sold.at")} AS day FROM sold
    ),
    part AS MATERIALIZED (
        SELECT link.kind, link.id, link.part, link.settled_in, link.moved_id,
            {any_day_at("link.created")} AS day
        FROM link WHERE {within("link.at")}
    ),
    booked AS MATERIALIZED (
        SELECT row.*, {day_at("row.created")} AS n, {any_day_at("row.created")} AS day,
            link.kind AS sale_kind, link.id AS sale_id, link.part, link.currency AS sold_in,
            {any_day_at("link.at")} AS sale_day,
            coalesce(link.currency, charge.currency, refund.currency, dispute.currency, '')
                AS counterpart
        FROM moved AS row
        LEFT JOIN link ON link.moved_id = row.id
        LEFT JOIN payments_charge AS charge
            ON charge.id = row.source AND link.moved_id IS NULL AND charge.captured_at IS NOT NULL
        LEFT JOIN payments_refund AS refund
            ON refund.id = row.source AND link.moved_id IS NULL AND refund.succeeded_at IS NOT NULL
        LEFT JOIN payments_dispute AS dispute
            ON dispute.id = row.source AND link.moved_id IS NULL
        WHERE {within("row.created")}
    )
    SELECT sale.n, sale.currency, '' AS counterpart, {by_kind(CAPTURED, REFUNDED)} AS line,
        {NO_DAY} AS other_day, sale.amount, sale.kind, sale.id, sale.at, '' AS other
    FROM sale
    WHERE sale.amount <> 0
    UNION ALL
    SELECT sale.n, sale.currency, part.settled_in, {by_kind(SALES_OUT, REFUNDS_OUT)}, part.day,
        -part.part, sale.kind, sale.id, sale.at, part.moved_id
    FROM sale JOIN part USING (kind, id)
    WHERE part.day <> sale.day AND part.part <> 0
    UNION ALL
    SELECT sale.n, sale.currency, '', {by_kind(SALES_UNSETTLED, REFUNDS_UNSETTLED)}, {NO_DAY},
        coalesce(parts.part, 0) - sale.amount, sale.kind, sale.id, sale.at, ''
    FROM sale LEFT JOIN (
        SELECT kind, id, sum(part)::bigint AS part FROM part GROUP BY kind, id
    ) AS parts USING (kind, id)
    WHERE coalesce(parts.part, 0) <> sale.amount
    UNION ALL
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
