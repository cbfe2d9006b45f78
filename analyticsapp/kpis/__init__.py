"""The KPIs: one entry each, from which pages take names, definitions and figures."""

from typing import Any

from analyticsapp.kpis.cohorts import COHORTS, Cohort
from analyticsapp.kpis.commercial import COMMERCIAL
from analyticsapp.kpis.customers import CUSTOMERS, Buyers
from analyticsapp.kpis.kpi import (
    TOTALS,
    UNDEFINED,
    Good,
    Kpi,
    Totals,
    Unit,
    Value,
    average,
    format_value,
    tenths,
)
from analyticsapp.kpis.products import PRODUCTS, ProductSales
from analyticsapp.kpis.settlement import SETTLEMENT, Settled
from analyticsapp.kpis.subscriptions import SUBSCRIPTIONS, Recurring

ALL: tuple[Kpi[Any], ...] = (
    *COMMERCIAL,
    *CUSTOMERS,
    *PRODUCTS,
    *SETTLEMENT,
    *SUBSCRIPTIONS,
    *COHORTS,
)
KPIS: dict[str, Kpi[Any]] = {kpi.key: kpi for kpi in ALL}
# What the first page shows of each day.
BOARD: tuple[Kpi[Totals], ...] = tuple(
    KPIS[key] for key in ("gross_captured", "refunds", "net_sales", "orders", "aov")
)

__all__ = [
    "ALL",
    "BOARD",
    "COHORTS",
    "COMMERCIAL",
    "CUSTOMERS",
    "KPIS",
    "PRODUCTS",
    "SETTLEMENT",
    "SUBSCRIPTIONS",
    "TOTALS",
    "UNDEFINED",
    "Buyers",
    "Cohort",
    "Good",
    "Kpi",
    "ProductSales",
    "Recurring",
    "Settled",
    "Totals",
    "Unit",
    "Value",
    "average",
    "format_value",
    "tenths",
]
