"""The SQL of the reconciliation: every row that a figure sums, with the residual it belongs to.

Each of the two figures that a step compares is a sum of rows. Those of the left one are taken as
they are, those of the right one with the opposite sign, and each carries one label: so whatever
the rows are, the labels' sums add up to the difference. A row with a group (``grp``) has found its
counterpart: it is no residual where its group adds up to nothing.

A row is: ``n`` (which of the given days, from 1), currency, side, kind and id of what it is, ``at``
(its time), ``detail`` and ``counterpart`` (for reading), amount, label, group.
"""

from __future__ import annotations

from collections.abc import Collection

from monitoring.reconciliation.residuals import (
    BALANCE_TO_PAYMENTS,
    BALANCE_TO_SNAPSHOT,
    ORDERS_TO_SNAPSHOT,
    PAYMENTS_TO_ORDERS,
    PAYMENTS_TO_SNAPSHOT,
    Step,
)

# width_bucket gives 0 before the first day and one more than there are days after the last.
GIVEN = """
given AS MATERIALIZED (SELECT %(starts)s::timestamptz[] AS starts),
known AS MATERIALIZED (
    SELECT * FROM unnest(%(categories)s::text[], %(residuals)s::text[]) AS one (category, residual)
),
asked AS MATERIALIZED (
    SELECT * FROM unnest(%(days)s::date[]) WITH ORDINALITY AS one (day, n)
)"""

MOVED = """
moved AS MATERIALIZED (
    SELECT row.id, width_bucket(row.created, given.starts) AS n, row.currency, row.created,
        row.amount, row.fee, row.net, row.reporting_category AS category, row.source
    FROM payments_balancetransaction AS row CROSS JOIN given
    WHERE row.created >= %(first)s AND row.created < %(end)s
)"""

# The ids of refunds that may count in the days are found through indexes; the view then decides.
TAKEN = """
counted AS MATERIALIZED (
    SELECT one.*, refund.balance_transaction_id, refund.failure_balance_transaction_id
    FROM payments_counted_refund AS one JOIN payments_refund AS refund ON refund.id = one.id
    WHERE one.id IN (
        SELECT id FROM payments_refund WHERE succeeded_at >= %(first)s AND succeeded_at < %(end)s
        UNION
        SELECT id FROM payments_refund WHERE failed_at >= %(first)s AND failed_at < %(end)s
        UNION
        SELECT refund.id
        FROM payments_balancetransaction AS row
        JOIN payments_refund AS refund ON refund.balance_transaction_id = row.id
        WHERE row.created >= %(first)s AND row.created < %(end)s
        UNION
        SELECT refund.id
        FROM payments_balancetransaction AS row
        JOIN payments_refund AS refund ON refund.failure_balance_transaction_id = row.id
        WHERE row.created >= %(first)s AND row.created < %(end)s
    )
),
taken AS MATERIALIZED (
    SELECT 'charge' AS kind, charge.id, charge.payment, charge.captured_at AS at,
        width_bucket(charge.captured_at, given.starts) AS n, charge.currency,
        charge.amount_captured AS amount, charge.balance_transaction_id AS named,
        'charge' AS category, charge.invoice_id IS NOT NULL AS of_invoice
    FROM payments_charge AS charge CROSS JOIN given
    WHERE charge.captured_at >= %(first)s AND charge.captured_at < %(end)s
    UNION ALL
    SELECT 'refund', id, payment, counted_at, width_bucket(counted_at, given.starts), currency,
        -amount, balance_transaction_id, 'refund', false
    FROM counted CROSS JOIN given
    WHERE counted_at >= %(first)s AND counted_at < %(end)s
    UNION ALL
    SELECT 'returned refund', id, payment, returned_at, width_bucket(returned_at, given.starts),
        currency, amount, failure_balance_transaction_id, 'refund_failure', false
    FROM counted CROSS JOIN given
    WHERE returned_at >= %(first)s AND returned_at < %(end)s
)"""

# A transaction is a charge's or refund's that names it, or, of those that name none, its source.
# Of several, one of its own currency and day comes first. What reverses the uncaptured part of an
# authorisation belongs to the charge's own transaction, which is of the whole amount.
LINKED = """
candidate AS (
    SELECT moved.id AS moved_id, moved.id AS grp, charge.currency, charge.captured_at AS at
    FROM moved JOIN payments_charge AS charge ON charge.balance_transaction_id = moved.id
    WHERE charge.captured_at IS NOT NULL
    UNION ALL
    SELECT moved.id, moved.id, charge.currency, charge.captured_at
    FROM moved JOIN payments_charge AS charge ON charge.id = moved.source
    WHERE moved.category = 'charge' AND charge.balance_transaction_id IS NULL
        AND charge.captured_at IS NOT NULL
    UNION ALL
    SELECT moved.id, moved.id, counted.currency, counted.counted_at
    FROM moved
    JOIN payments_refund AS refund ON refund.balance_transaction_id = moved.id
    JOIN payments_counted_refund AS counted ON counted.id = refund.id
    UNION ALL
    SELECT moved.id, moved.id, counted.currency, counted.counted_at
    FROM moved
    JOIN payments_refund AS refund ON refund.id = moved.source
    JOIN payments_counted_refund AS counted ON counted.id = refund.id
    WHERE moved.category = 'refund' AND refund.balance_transaction_id IS NULL
    UNION ALL
    SELECT moved.id, moved.id, counted.currency, counted.returned_at
    FROM moved
    JOIN payments_refund AS refund ON refund.failure_balance_transaction_id = moved.id
    JOIN payments_counted_refund AS counted ON counted.id = refund.id
    WHERE counted.returned_at IS NOT NULL
    UNION ALL
    SELECT moved.id, moved.id, counted.currency, counted.returned_at
    FROM moved
    JOIN payments_refund AS refund ON refund.id = moved.source
    JOIN payments_counted_refund AS counted ON counted.id = refund.id
    WHERE moved.category = 'refund_failure' AND refund.failure_balance_transaction_id IS NULL
        AND counted.returned_at IS NOT NULL
    UNION ALL
    SELECT moved.id, charge.balance_transaction_id, charge.currency, charge.captured_at
    FROM moved
    JOIN payments_refund AS refund ON refund.id = moved.source
    JOIN payments_charge AS charge ON charge.id = refund.charge_id
    WHERE moved.category = 'partial_capture_reversal'
        AND charge.balance_transaction_id IS NOT NULL AND charge.captured_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM payments_counted_refund AS one WHERE one.id = refund.id)
),
linked AS (
    SELECT DISTINCT ON (moved.id) moved.id, candidate.grp, candidate.currency,
        width_bucket(candidate.at, given.starts) AS n
    FROM candidate JOIN moved ON moved.id = candidate.moved_id CROSS JOIN given
    ORDER BY moved.id, candidate.currency = moved.currency DESC,
        width_bucket(candidate.at, given.starts) = moved.n DESC, candidate.grp
)"""

SETTLEMENT = """
SELECT 'settlement' AS step, moved.n, moved.currency, 'left' AS side,
    'balance transaction' AS kind, moved.id, moved.created AS at, moved.category AS detail,
    moved.source AS counterpart, moved.amount,
    CASE
        WHEN known.residual IS NULL THEN 'unknown_category'
        WHEN moved.category = 'fee' OR linked.id IS NULL THEN known.residual
        WHEN linked.currency <> moved.currency THEN 'other_currency'
        WHEN linked.n <> moved.n THEN 'other_day'
        ELSE 'amounts_differ'
    END AS label,
    CASE
        WHEN known.residual IS NOT NULL AND moved.category <> 'fee'
            AND linked.currency = moved.currency AND linked.n = moved.n
        THEN linked.grp
    END AS grp
FROM moved
LEFT JOIN linked ON linked.id = moved.id
LEFT JOIN known ON known.category = moved.category
UNION ALL
SELECT 'settlement', n, currency, 'left', 'balance transaction', id, created, category, source,
    -fee, 'fees', NULL
FROM moved
WHERE fee <> 0
UNION ALL
SELECT 'settlement', taken.n, taken.currency, 'right', taken.kind, taken.id, taken.at, '',
    coalesce(own.id, taken.named, ''), -taken.amount,
    CASE
        WHEN own.id IS NULL THEN 'no_transaction'
        WHEN own.currency <> taken.currency THEN 'other_currency'
        WHEN own.n <> taken.n THEN 'other_day'
        ELSE 'amounts_differ'
    END,
    CASE WHEN own.currency = taken.currency AND own.n = taken.n THEN own.id END
FROM taken
LEFT JOIN LATERAL (
    SELECT one.id, one.currency, width_bucket(one.created, given.starts) AS n
    FROM (
        SELECT row.id, row.currency, row.created, row.reporting_category
        FROM payments_balancetransaction AS row
        WHERE row.id = taken.named
        UNION ALL
        (
            SELECT row.id, row.currency, row.created, row.reporting_category
            FROM payments_balancetransaction AS row
            WHERE taken.named IS NULL AND row.source = taken.id
                AND row.reporting_category = taken.category AND row.created IS NOT NULL
            ORDER BY row.created, row.id LIMIT 1
        )
    ) AS one CROSS JOIN given
    WHERE one.created IS NOT NULL AND one.reporting_category <> 'fee'
        AND one.reporting_category = ANY (%(categories)s::text[])
) AS own ON true"""

SOLD = """
sold AS MATERIALIZED (
    SELECT o.id, o.number, o.paid_at, width_bucket(o.paid_at, given.starts) AS n, o.currency,
        o.captured_minor
    FROM orders_order AS o CROSS JOIN given
    WHERE o.paid_at >= %(first)s AND o.paid_at < %(end)s
)"""

PAID_BY = """
paid_by AS MATERIALIZED (
    SELECT sold.id AS order_id, sold.number, sold.n, charge.id AS charge_id, charge.currency,
        charge.captured_at, charge.amount_captured AS amount,
        width_bucket(charge.captured_at, given.starts) <> sold.n AS other_day
    FROM sold
    JOIN orders_orderpayment AS link ON link.order_id = sold.id
    JOIN payments_charge AS charge
        ON charge.payment = link.payment AND charge.currency = sold.currency
    CROSS JOIN given
    WHERE charge.captured_at IS NOT NULL
)"""

# What an order captured on other days than its own is parted from the rest of it.
ORDERS = """
SELECT 'orders' AS step, taken.n, taken.currency, 'left' AS side, taken.kind, taken.id, taken.at,
    '' AS detail, coalesce(o.number, '') AS counterpart, taken.amount,
    CASE
        WHEN taken.kind <> 'charge' THEN 'refunds'
        WHEN o.id IS NULL AND (taken.of_invoice OR invoice.paid) THEN 'invoice_payments'
        WHEN o.id IS NULL THEN 'without_order'
        WHEN o.paid_at IS NULL THEN 'unpaid_orders'
        WHEN o.currency <> taken.currency THEN 'other_currency'
        WHEN width_bucket(o.paid_at, given.starts) <> taken.n THEN 'other_day'
        ELSE 'amounts_differ'
    END AS label,
    CASE
        WHEN taken.kind = 'charge' AND o.currency = taken.currency
            AND width_bucket(o.paid_at, given.starts) = taken.n
        THEN o.id::text
    END AS grp
FROM taken CROSS JOIN given
LEFT JOIN orders_orderpayment AS link ON link.payment = taken.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
LEFT JOIN LATERAL (
    SELECT true AS paid
    FROM (
        SELECT FROM payments_paymentintent AS intent
        WHERE intent.id = taken.payment AND intent.invoice_id IS NOT NULL
        UNION ALL
        SELECT FROM payments_invoicepayment AS one WHERE one.payment_intent_id = taken.payment
        UNION ALL
        SELECT FROM payments_invoicepayment AS one WHERE one.charge_id = taken.id
    ) AS found
    WHERE o.id IS NULL AND taken.kind = 'charge'
    LIMIT 1
) AS invoice ON true
UNION ALL
SELECT 'orders', n, currency, 'right', 'charge', charge_id, captured_at, '', number, -amount,
    'other_day', NULL
FROM paid_by
WHERE other_day
UNION ALL
SELECT 'orders', sold.n, sold.currency, 'right', 'order', sold.id::text, sold.paid_at, '',
    sold.number, coalesce(paid.other_day, 0) - sold.captured_minor,
    CASE WHEN paid.order_id IS NULL THEN 'orders_without_payment' ELSE 'amounts_differ' END,
    sold.id::text
FROM sold
LEFT JOIN (
    SELECT order_id, (sum(amount) FILTER (WHERE other_day))::bigint AS other_day
    FROM paid_by GROUP BY order_id
) AS paid ON paid.order_id = sold.id"""

# A day's rows and its snapshot are one group: all of them are shown where they differ.
STALE = """
stale AS MATERIALIZED (
    SELECT asked.n, CASE
        WHEN NOT EXISTS (
            SELECT FROM analyticsapp_snapshotstate AS state WHERE state.time_zone = %(time_zone)s
        ) OR EXISTS (SELECT FROM analyticsapp_dirtyday AS dirty WHERE dirty.day = asked.day)
        THEN 'recount_due' ELSE 'snapshot_differs'
    END AS label
    FROM asked
)"""

SNAPSHOT = """
SELECT '{step}' AS step, one.n, one.currency, one.side, one.kind, one.id, one.at, one.detail,
    one.counterpart, one.amount, stale.label, one.n || one.currency AS grp
FROM ({rows}
    UNION ALL
    SELECT asked.n, kept.currency, 'right', '{kind}', kept.id::text, kept.built_at, {detail},
        asked.day::text, -kept.{measure}
    FROM asked JOIN {table} AS kept ON kept.day = asked.day
) AS one
JOIN stale ON stale.n = one.n"""

SETTLEMENT_SNAPSHOT = SNAPSHOT.format(
    step="settlement_snapshot",
    rows="""
    SELECT n, currency, 'left' AS side, 'balance transaction' AS kind, id, created AS at,
        category AS detail, source AS counterpart, net AS amount
    FROM moved""",
    kind="settlement snapshot",
    detail="kept.category",
    measure="net_minor",
    table="analyticsapp_settlementday",
)
SALES_SNAPSHOT = SNAPSHOT.format(
    step="sales_snapshot",
    rows="""
    SELECT n, currency, 'left' AS side, kind, id, at, '' AS detail, payment AS counterpart, amount
    FROM taken""",
    kind="sales snapshot",
    detail="''",
    measure="net_sales_minor",
    table="analyticsapp_daysnapshot",
)
ORDERS_SNAPSHOT = SNAPSHOT.format(
    step="orders_snapshot",
    rows="""
    SELECT n, currency, 'left' AS side, 'order' AS kind, id::text, paid_at AS at, '' AS detail,
        number AS counterpart, captured_minor AS amount
    FROM sold""",
    kind="sales snapshot",
    detail="''",
    measure="order_value_minor",
    table="analyticsapp_daysnapshot",
)

PARTS = {
    BALANCE_TO_PAYMENTS: ((MOVED, TAKEN, LINKED), SETTLEMENT),
    PAYMENTS_TO_ORDERS: ((TAKEN, SOLD, PAID_BY), ORDERS),
    BALANCE_TO_SNAPSHOT: ((MOVED, STALE), SETTLEMENT_SNAPSHOT),
    PAYMENTS_TO_SNAPSHOT: ((TAKEN, STALE), SALES_SNAPSHOT),
    ORDERS_TO_SNAPSHOT: ((SOLD, STALE), ORDERS_SNAPSHOT),
}


def labelled(steps: Collection[Step], columns: str) -> str:
    """``WITH`` clauses up to ``labelled``: these columns of the steps' rows, and as ``residual``
    what a row belongs to, null where it has its counterpart."""
    relations = [GIVEN, *dict.fromkeys(part for step in steps for part in PARTS[step][0])]
    rows = "\nUNION ALL\n".join(
        f"SELECT {columns}, label, grp FROM ({PARTS[step][1]}) AS one" for step in steps
    )
    return f"""
WITH {",".join(relations)},
row AS ({rows}),
labelled AS (
    SELECT {columns}, CASE
        WHEN amount <> 0
            AND (grp IS NULL OR sum(amount) OVER (PARTITION BY step, grp) <> 0) THEN label
    END AS residual
    FROM row
)"""


def sums(steps: Collection[Step]) -> str:
    """A row for each step, day, currency, side, kind and residual: rows and their sum."""
    columns = "step, n, currency, side, kind, amount"
    return f"""{labelled(steps, columns)}
SELECT step, n, currency, side, kind, residual, count(*), sum(amount)::bigint
FROM labelled
GROUP BY step, n, currency, side, kind, residual"""


def page(step: Step) -> str:
    """Some rows of one residual, in the order of their days, and with each how many there are and
    what all of them add up to."""
    columns = "step, n, currency, side, kind, id, at, detail, counterpart, amount"
    return f"""{labelled([step], columns)}
SELECT n, kind, id, at, detail, counterpart, amount,
    count(*) OVER () AS rows, (sum(amount) OVER ())::bigint AS total
FROM labelled
WHERE residual = %(residual)s AND currency = %(currency)s
ORDER BY n, side DESC, at, id, amount
LIMIT %(limit)s OFFSET %(offset)s"""
