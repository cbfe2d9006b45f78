"""The tables of daily figures, each told once: what it sums and by what."""

from analyticsapp.tables.bridge import BRIDGE
from analyticsapp.tables.sales import PRODUCTS, SALES
from analyticsapp.tables.settlement import DISPUTES, FEES, SETTLEMENT
from analyticsapp.tables.table import SnapshotTable
from analyticsapp.tables.windows import WINDOWS

TABLES: tuple[SnapshotTable, ...] = (
    SALES,
    PRODUCTS,
    SETTLEMENT,
    FEES,
    DISPUTES,
    BRIDGE,
    WINDOWS,
)

__all__ = ["TABLES", "SnapshotTable"]
