"""The SQL that finds refunds by their dates: when the money left, and when it came back because the
refund failed.

A view computes both, from the balance transaction where there is one, else from the refund. So the
ids that may be meant are found through indexes first; the view then decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RefundDate:
    """A date of refunds: the view's column ``moment``, and the two columns of the refund that it
    comes from, a time and its ``transaction``."""

    moment: str
    recorded: str
    transaction: str

    def candidates(self, within: Callable[[str], str]) -> str:
        """SQL of the ids of all refunds that may have this date within some days, and of few
        others; ``within`` writes whether a time lies within them."""
        return f"""
            SELECT id FROM payments_refund WHERE {within(self.recorded)}
            UNION
            SELECT refund.id
            FROM payments_balancetransaction AS transaction
            JOIN payments_refund AS refund ON refund.{self.transaction} = transaction.id
            WHERE {within("transaction.created")}
        """

    def within(self, within: Callable[[str], str]) -> str:
        """SQL for whether a row of ``payments_counted_refund`` has this date within the days."""
        return f"id IN ({self.candidates(within)}) AND {within(self.moment)}"


COUNTED = RefundDate("counted_at", "succeeded_at", "balance_transaction_id")
RETURNED = RefundDate("returned_at", "failed_at", "failure_balance_transaction_id")
