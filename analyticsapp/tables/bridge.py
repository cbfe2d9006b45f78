"""The bridge from net sales to the settlement, by day and line."""

from __future__ import annotations

from analyticsapp.bridge.legs import BALANCE_LEGS, SALES_LEGS
from analyticsapp.models import BridgeDay
from analyticsapp.tables.table import SnapshotTable, Source


def summed(legs: str) -> Source:
    """The legs, added up by day, currencies, line and other day."""
    return Source(
        f"""
        SELECT n, currency, counterpart, line, other_day, sum(amount) AS amount_minor,
            count(*) AS rows
        FROM ({legs}) AS leg
        GROUP BY n, currency, counterpart, line, other_day
        """,
        ("amount_minor", "rows"),
    )


BRIDGE = SnapshotTable(
    model=BridgeDay,
    keys=("currency", "counterpart", "line", "other_day"),
    measures=("amount_minor", "rows"),
    sources=(summed(SALES_LEGS), summed(BALANCE_LEGS)),
)
