"""The KPIs: one entry each, from which pages take names, definitions and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from enum import Enum
from fractions import Fraction

from payments.money import MINUS, format_number

UNDEFINED = "–"


class Unit(Enum):
    MONEY = "money"  # an integer of minor units
    COUNT = "count"


class Good(Enum):
    """Which way is good news."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Totals:
    """What the snapshots of some days, all in one currency, add up to; money in minor units."""

    gross_minor: int = 0
    payments: int = 0
    refunds_minor: int = 0
    refunds: int = 0
    orders: int = 0
    order_value_minor: int = 0

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Totals:
        """The parts added up; all zero where there are none."""
        rows = [tuple(getattr(part, name) for name in TOTALS) for part in parts]
        return cls(*map(sum, zip(*rows, strict=True)))


TOTALS = tuple(field.name for field in fields(Totals))


@dataclass(frozen=True)
class Kpi:
    """One figure: what it is called, what it means, and how it is computed."""

    key: str
    name: str
    unit: Unit
    good: Good
    definition: str
    formula: str
    edge_rules: tuple[str, ...]
    compute: Callable[[Totals], int | None]

    def number(self, value: int | None, currency: str) -> str:
        """The value without its currency, for where that stands beside it; – where undefined."""
        if value is None:
            return UNDEFINED
        if self.unit is Unit.MONEY:
            return format_number(value, currency)
        return f"{value:,}".replace("-", MINUS)


def average(total_minor: int, count: int) -> int | None:
    """Minor units for each, rounded once, half to even; None for none."""
    return round(Fraction(total_minor, count)) if count else None


ALL = (
    Kpi(
        key="gross_captured",
        name="Gross captured",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="Money captured from customers, tax and shipping included, before refunds.",
        formula="sum of amount_captured over the charges captured on the day",
        edge_rules=(
            "An authorisation counts when it is captured, and with the captured part alone.",
            "A charge that fails after its capture stays counted on its day.",
            "Stripe's fees and disputes belong to the settlement, not here.",
        ),
        compute=lambda totals: totals.gross_minor,
    ),
    Kpi(
        key="refunds",
        name="Refunds",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="Captured money given back to customers, whenever it was captured.",
        formula="refunds whose money moved on the day − earlier refunds that failed on it",
        edge_rules=(
            "A refund counts on the date of its balance transaction, once it has succeeded.",
            "One that fails later comes back on the day it failed; its first day isn't restated.",
            "Releasing an authorisation, or what a partial capture left, is no refund.",
        ),
        compute=lambda totals: totals.refunds_minor,
    ),
    Kpi(
        key="net_sales",
        name="Net sales",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What was captured, less what was refunded on the same days.",
        formula="gross captured − refunds",
        edge_rules=("Negative when more was refunded than captured.",),
        compute=lambda totals: totals.gross_minor - totals.refunds_minor,
    ),
    Kpi(
        key="orders",
        name="Orders",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Orders that became paid.",
        formula="number of orders by the day on which they were paid",
        edge_rules=(
            "An order that was paid and canceled later stays counted.",
            "An order over nothing, such as a free sample, counts.",
            "A payment without an order makes gross captured, but no order.",
        ),
        compute=lambda totals: totals.orders,
    ),
    Kpi(
        key="aov",
        name="Average order value",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What an order brought on average, before refunds.",
        formula="captured by the orders paid in the period ÷ number of those orders",
        edge_rules=(
            "Undefined, shown as –, without orders.",
            "Rounded once, half to even, to the currency's smallest unit.",
        ),
        compute=lambda totals: average(totals.order_value_minor, totals.orders),
    ),
)
KPIS = {kpi.key: kpi for kpi in ALL}
