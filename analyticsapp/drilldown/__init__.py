"""From a figure to the rows behind it, whose sum it equals: an entry for each KPI."""

from analyticsapp.drilldown.commercial import COMMERCIAL
from analyticsapp.drilldown.customers import CUSTOMERS
from analyticsapp.drilldown.products import PRODUCTS
from analyticsapp.drilldown.rows import Drilldown
from analyticsapp.drilldown.settlement import SETTLEMENT
from analyticsapp.drilldown.subscriptions import SUBSCRIPTIONS

DRILLDOWNS: dict[str, Drilldown] = {
    one.kpi.key: one for one in (*COMMERCIAL, *CUSTOMERS, *PRODUCTS, *SETTLEMENT, *SUBSCRIPTIONS)
}

__all__ = ["DRILLDOWNS", "Drilldown"]
