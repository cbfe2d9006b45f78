"""The KPIs: one entry each, from which pages take names, definitions and figures."""

from analyticsapp.kpis.commercial import COMMERCIAL
from analyticsapp.kpis.kpi import TOTALS, UNDEFINED, Good, Kpi, Totals, Unit, Value, average, tenths

ALL: tuple[Kpi, ...] = COMMERCIAL
KPIS = {kpi.key: kpi for kpi in ALL}
# What the first page shows of each day.
BOARD: tuple[Kpi, ...] = tuple(
    KPIS[key] for key in ("gross_captured", "refunds", "net_sales", "orders", "aov")
)

__all__ = [
    "ALL",
    "BOARD",
    "KPIS",
    "TOTALS",
    "UNDEFINED",
    "Good",
    "Kpi",
    "Totals",
    "Unit",
    "Value",
    "average",
    "tenths",
]
