"""Who bought: figures of distinct customers, which no sum over days gives."""

from __future__ import annotations

from dataclasses import dataclass

from analyticsapp.kpis.kpi import Good, Kpi, Unit, share


@dataclass(frozen=True)
class Buyers:
    """The distinct customers who bought in a window, in one currency."""

    new: int = 0
    returning: int = 0

    @property
    def all(self) -> int:
        """New and returning ones."""
        return self.new + self.returning


WHEN = (
    "Counted exactly for 7, 30 and 90 days, and for a month or a quarter up to any of its days. "
    "Shown as – for other days: it is no sum of days. The rows behind it tell it for up to 92 days."
)

CUSTOMERS: tuple[Kpi[Buyers], ...] = (
    Kpi(
        key="customers",
        name="Customers",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Different people who bought in the period.",
        formula="number of distinct customers of the orders paid in the period",
        edge_rules=(
            "Who buys twice counts once; who buys in two currencies counts in both.",
            "A guest with the address of one of Stripe's customers is that customer.",
            "An order that names nobody adds no customer.",
            WHEN,
        ),
        compute=lambda buyers: buyers.all,
    ),
    Kpi(
        key="new_customers",
        name="New customers",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Those of them who had never bought before.",
        formula="customers whose first purchase ever was in the period",
        edge_rules=(
            "In the currency of that first purchase; in any other they are returning ones.",
            WHEN,
        ),
        compute=lambda buyers: buyers.new,
    ),
    Kpi(
        key="returning_customers",
        name="Returning customers",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Those of them who had bought before the period.",
        formula="customers − new customers",
        edge_rules=(
            "Two purchases in the period, the first ones ever, are a new customer's.",
            WHEN,
        ),
        compute=lambda buyers: buyers.returning,
    ),
    Kpi(
        key="repeat_rate",
        name="Repeat rate",
        unit=Unit.SHARE,
        good=Good.UP,
        definition="Of the customers of the period, the share that had bought before it.",
        formula="returning customers ÷ customers",
        edge_rules=("Undefined, shown as –, without customers.", WHEN),
        compute=lambda buyers: share(buyers.returning, buyers.all),
        convention="as Shopify counts its returning customer rate: by customers, not by orders",
    ),
)
