"""The SQL that tells which balance transactions are a sale's own.

A *sale* is a charge at its capture, a refund of captured money, or a refund that came back. A
transaction is the sale's that names it or, where that names none, whose source it is; of several
that name one it is the first one's, by id. So each transaction is one sale's at the most, whichever
of the two one starts from. What a capture of less than was authorised released is the charge's too,
where Stripe booked the whole amount and reversed the rest by a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments import categories


@dataclass(frozen=True)
class Way:
    """How sales of a kind have transactions of a category.

    ``named`` is the row of ``table`` whose ``column`` names the transaction; ``sale`` and ``part``
    are SQL: the sale's id, currency and time, and how much of it the transaction settles.
    """

    kind: str
    category: str
    rows: str
    table: str
    column: str
    sale: str
    part: str
    condition: str

    def links(self, limit: str) -> str:
        """SQL of sales and the transactions that are theirs; ``limit`` says of which."""
        return " UNION ALL ".join(
            f"""
            SELECT '{self.kind}' AS kind, {self.sale}, moved.id AS moved_id, {self.part} AS part
            FROM {self.rows}
            JOIN payments_balancetransaction AS moved ON {joined}
            WHERE {self.condition} AND moved.reporting_category = '{self.category}'
                AND moved.created IS NOT NULL AND {limit} AND {only}
            """
            for joined, only in (
                (f"moved.id = named.{self.column}", self._first_to_name),
                (
                    f"moved.source = named.id AND named.{self.column} IS NULL",
                    self._first_of_its_source,
                ),
            )
        )

    @property
    def _first_to_name(self) -> str:
        return f"""NOT EXISTS (
            SELECT FROM {self.table} AS other
            WHERE other.{self.column} = named.{self.column} AND other.id < named.id
        )"""

    @property
    def _first_of_its_source(self) -> str:
        return f"""NOT EXISTS (
            SELECT FROM {self.table} AS other WHERE other.{self.column} = moved.id
        ) AND NOT EXISTS (
            SELECT FROM payments_balancetransaction AS other
            WHERE other.source = moved.source AND other.reporting_category = '{self.category}'
                AND (other.created, other.id) < (moved.created, moved.id)
        )"""


RELEASES = Way(
    kind="charge",
    category=categories.PARTIAL_CAPTURE_REVERSAL,
    rows="payments_charge AS sold JOIN payments_refund AS named ON named.charge_id = sold.id",
    table="payments_refund",
    column="balance_transaction_id",
    sale="sold.id, sold.currency, sold.captured_at AS at",
    part="-named.amount",
    condition="sold.captured_at IS NOT NULL AND sold.amount_captured < sold.amount "
    "AND named.succeeded_at IS NOT NULL",
)
CHARGES = Way(
    kind="charge",
    category=categories.CHARGE,
    rows="payments_charge AS named",
    table="payments_charge",
    column="balance_transaction_id",
    sale="named.id, named.currency, named.captured_at AS at",
    part=f"""named.amount_captured + CASE
                WHEN named.amount_captured < named.amount THEN (
                    SELECT coalesce(-sum(released.part), 0)
                    FROM ({RELEASES.links("true")}) AS released WHERE released.id = named.id
                )
                ELSE 0
            END""",
    condition="named.captured_at IS NOT NULL",
)
COUNTED = (
    "payments_counted_refund AS counted JOIN payments_refund AS named ON named.id = counted.id"
)
REFUNDS = Way(
    kind="refund",
    category=categories.REFUND,
    rows=COUNTED,
    table="payments_refund",
    column="balance_transaction_id",
    sale="counted.id, counted.currency, counted.counted_at AS at",
    part="-counted.amount",
    condition="true",
)
RETURNS = Way(
    kind="returned refund",
    category=categories.REFUND_FAILURE,
    rows=COUNTED,
    table="payments_refund",
    column="failure_balance_transaction_id",
    sale="counted.id, counted.currency, counted.returned_at AS at",
    part="counted.amount",
    condition="counted.returned_at IS NOT NULL",
)


def within(moment: str) -> str:
    """SQL for whether the moment is in the run of days."""
    return f"{moment} >= runs.starts AND {moment} < runs.ends"


def counting(column: str, transaction: str) -> str:
    """SQL of the ids of refunds that may count in the run by one of their two dates. A view
    computes these, so the ids are found through indexes first; the view then decides."""
    return f"""
        SELECT id FROM payments_refund WHERE {within(column)}
        UNION
        SELECT refund.id
        FROM payments_balancetransaction AS row
        JOIN payments_refund AS refund ON refund.{transaction} = row.id
        WHERE {within("row.created")}
    """


COUNTING = counting("succeeded_at", "balance_transaction_id")
RETURNING = counting("failed_at", "failure_balance_transaction_id")

# The sales of a run: their kind, id, currency, time and amount, which of a refund is negative.
SALES = f"""
    SELECT 'charge' AS kind, id, currency, captured_at AS at, amount_captured AS amount
    FROM payments_charge
    WHERE {within("captured_at")}
    UNION ALL
    SELECT 'refund', id, currency, counted_at, -amount
    FROM payments_counted_refund
    WHERE id IN ({COUNTING}) AND {within("counted_at")}
    UNION ALL
    SELECT 'returned refund', id, currency, returned_at, amount
    FROM payments_counted_refund
    WHERE id IN ({RETURNING}) AND {within("returned_at")}
"""

# The links of the run's sales, and those of its transactions.
OF_SALES = " UNION ALL ".join(
    [
        CHARGES.links(within("named.captured_at")),
        RELEASES.links(within("sold.captured_at")),
        REFUNDS.links(f"counted.id IN ({COUNTING}) AND {within('counted.counted_at')}"),
        RETURNS.links(f"counted.id IN ({RETURNING}) AND {within('counted.returned_at')}"),
    ]
)
OF_TRANSACTIONS = " UNION ALL ".join(
    way.links(within("moved.created")) for way in (CHARGES, RELEASES, REFUNDS, RETURNS)
)
