"""The SQL that tells which balance transactions are a sale's own.

A *sale* is a charge at its capture, a refund of captured money, or a refund that came back. A
transaction is the sale's that names it or, where that names none, whose source it is; of several
that name one it is the first one's, by id. So each transaction is one sale's at the most, whichever
of the two one starts from. What a capture of less than was authorised released is the charge's too,
where Stripe booked the whole amount and reversed the rest by a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyticsapp.refunds import COUNTED, RETURNED, RefundDate
from analyticsapp.tables.table import in_run
from payments import categories


@dataclass(frozen=True)
class Way:
    """How sales of a kind have transactions of a category.

    ``named`` is the row among ``rows`` whose ``column`` names the transaction. ``sale`` and
    ``part`` are SQL: the sale's id, currency and time, and how much of it the transaction settles.
    """

    kind: str
    category: str
    rows: str
    column: str
    sale: str
    part: str
    condition: str

    def links(self, transactions: str) -> str:
        """SQL of sales and those of the ``transactions``, a table's name, that they claim."""
        return " UNION ALL ".join(
            f"""
            SELECT '{self.kind}' AS kind, {self.sale}, {self.part} AS part, moved.id AS moved_id,
                moved.currency AS settled_in, moved.created, {by_source} AS by_source
            FROM {self.rows}
            JOIN {transactions} AS moved ON {joined}
            WHERE {self.condition} AND moved.reporting_category = '{self.category}'
                AND moved.created IS NOT NULL
            """
            for by_source, joined in (
                ("false", f"moved.id = named.{self.column}"),
                (
                    "true",
                    f"moved.source = named.id AND named.{self.column} IS NULL AND {self.first}",
                ),
            )
        )

    @property
    def first(self) -> str:
        """SQL for: the transaction is the first of its source."""
        return f"""NOT EXISTS (
                SELECT FROM payments_balancetransaction AS other
                WHERE other.source = moved.source AND other.reporting_category = '{self.category}'
                    AND (other.created, other.id) < (moved.created, moved.id)
            )"""


RELEASES = Way(
    kind="charge",
    category=categories.PARTIAL_CAPTURE_REVERSAL,
    rows="payments_charge AS sold JOIN payments_refund AS named ON named.charge_id = sold.id",
    column="balance_transaction_id",
    sale="sold.id, sold.currency, sold.captured_at AS at",
    part="-named.amount",
    condition="""sold.captured_at IS NOT NULL AND sold.amount_captured < sold.amount
                AND named.succeeded_at IS NOT NULL AND NOT EXISTS (
                    SELECT FROM payments_refund AS other
                    WHERE other.balance_transaction_id = moved.id
                        AND (named.balance_transaction_id IS NULL OR other.id < named.id)
                )""",
)
CHARGES = Way(
    kind="charge",
    category=categories.CHARGE,
    rows="payments_charge AS named",
    column="balance_transaction_id",
    sale="named.id, named.currency, named.captured_at AS at",
    part=f"""named.amount_captured + CASE
                WHEN named.amount_captured < named.amount THEN (
                    SELECT coalesce(-sum(released.part), 0)::bigint
                    FROM ({RELEASES.links("payments_balancetransaction")}) AS released
                    WHERE released.id = named.id
                )
                ELSE 0
            END""",
    condition="named.captured_at IS NOT NULL",
)
REFUNDS = Way(
    kind="refund",
    category=categories.REFUND,
    rows="counted AS named",
    column="balance_transaction_id",
    sale="named.id, named.currency, named.counted_at AS at",
    part="-named.amount",
    condition="true",
)
RETURNS = Way(
    kind="returned refund",
    category=categories.REFUND_FAILURE,
    rows="counted AS named",
    column="failure_balance_transaction_id",
    sale="named.id, named.currency, named.returned_at AS at",
    part="named.amount",
    condition="named.returned_at IS NOT NULL",
)
WAYS = (CHARGES, RELEASES, REFUNDS, RETURNS)


def refunds(kind: str, date: RefundDate, sign: str) -> str:
    """SQL of refunds by one of their two dates."""
    return f"""
    SELECT '{kind}', counted.id, counted.currency, counted.{date.moment}, {sign}counted.amount,
        refund.{date.transaction}, false
    FROM payments_counted_refund AS counted JOIN payments_refund AS refund USING (id)
    WHERE {date.within(in_run)}
    """


# The sales of a run, which transaction each names, and whether less was captured than authorised.
SALES = f"""
    SELECT 'charge' AS kind, id, currency, captured_at AS at, amount_captured AS amount,
        balance_transaction_id AS named, amount_captured < amount AS in_part
    FROM payments_charge
    WHERE {in_run("captured_at")}
    UNION ALL
    {refunds("refund", COUNTED, "-")}
    UNION ALL
    {refunds("returned refund", RETURNED, "")}
"""

# Common table expressions: the sales of the run, all transactions that are of the run or theirs,
# the refunds that may own one of these, and which is whose.
LINKED = f"""
    sold AS MATERIALIZED ({SALES}),
    released AS (
        SELECT refund.id, refund.balance_transaction_id
        FROM sold JOIN payments_refund AS refund ON refund.charge_id = sold.id
        WHERE sold.kind = 'charge' AND sold.in_part
    ),
    inside AS MATERIALIZED (
        SELECT row.* FROM payments_balancetransaction AS row WHERE {in_run("row.created")}
    ),
    -- Few: most sales have their transaction within the run.
    outside AS MATERIALIZED (
        SELECT id FROM (
            SELECT named AS id FROM sold WHERE named IS NOT NULL
            UNION SELECT balance_transaction_id FROM released
            UNION SELECT row.id FROM payments_balancetransaction AS row
                JOIN sold ON sold.id = row.source AND sold.named IS NULL
            UNION SELECT row.id FROM payments_balancetransaction AS row
                JOIN released ON released.id = row.source
        ) AS concerned
        WHERE NOT EXISTS (SELECT FROM inside WHERE inside.id = concerned.id)
    ),
    moved AS MATERIALIZED (
        SELECT * FROM inside
        UNION ALL
        SELECT row.* FROM payments_balancetransaction AS row JOIN outside USING (id)
    ),
    counted AS MATERIALIZED (
        SELECT counted.*, refund.balance_transaction_id, refund.failure_balance_transaction_id
        FROM payments_counted_refund AS counted JOIN payments_refund AS refund USING (id)
        WHERE id IN (
            SELECT refund.id
            FROM payments_refund AS refund JOIN moved ON moved.id = refund.balance_transaction_id
            UNION
            SELECT refund.id
            FROM payments_refund AS refund
            JOIN moved ON moved.id = refund.failure_balance_transaction_id
            UNION
            SELECT moved.source FROM moved
        )
    ),
    link AS MATERIALIZED (
        SELECT DISTINCT ON (claim.moved_id) claim.*
        FROM ({" UNION ALL ".join(way.links("moved") for way in WAYS)}) AS claim
        ORDER BY claim.moved_id, claim.by_source, claim.id
    )
"""
