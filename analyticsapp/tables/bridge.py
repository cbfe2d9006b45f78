"""The bridge from net sales to the settlement, by day and line."""

from __future__ import annotations

from analyticsapp.bridge.legs import legs
from analyticsapp.models import BridgeDay
from analyticsapp.tables.table import SnapshotTable, Source

BRIDGE = SnapshotTable(
    model=BridgeDay,
    keys=("currency", "counterpart", "line", "other_day"),
    measures=("amount_minor", "rows"),
    sources=(
        Source(
            f"""
            SELECT n, currency, counterpart, line, other_day, sum(amount) AS amount_minor,
                count(*) AS rows
            FROM {legs()}
            GROUP BY n, currency, counterpart, line, other_day
            """,
            ("amount_minor", "rows"),
        ),
    ),
)
