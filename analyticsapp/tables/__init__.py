"""The tables of daily figures, each told once: what it sums and by what."""

from analyticsapp.tables.bridge import BRIDGE
from analyticsapp.tables.cohorts import COHORTS
from analyticsapp.tables.sales import PRODUCTS, SALES
from analyticsapp.tables.settlement import DISPUTES, FEES, SETTLEMENT
from analyticsapp.tables.table import SnapshotTable
from analyticsapp.tables.windows import WINDOWS

# Counted on the days that are marked dirty.
DAILY: tuple[SnapshotTable, ...] = (
    SALES,
    PRODUCTS,
    SETTLEMENT,
    FEES,
    DISPUTES,
    BRIDGE,
    WINDOWS,
)
# Counted from the first day on which recurring revenue differs from what it was, up to today.
RECURRING: tuple[SnapshotTable, ...] = (COHORTS,)
TABLES = (*DAILY, *RECURRING)

__all__ = ["DAILY", "RECURRING", "TABLES", "SnapshotTable"]
