"""What a KPI is, and what the snapshots give it to compute from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Generic, TypeVar

from payments.money import MINUS, format_number

UNDEFINED = "–"


class Unit(Enum):
    MONEY = "money"  # an integer of minor units
    COUNT = "count"
    SHARE = "share"  # a fraction of 1, shown as a percentage
    HOURS = "hours"  # seconds, shown as hours
    RATIO = "ratio"  # so many times, to one decimal


class Good(Enum):
    """Which way is good news."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


class Ledger(Enum):
    """Which of the ledgers a figure belongs to; figures of two are never added."""

    COMMERCIAL = "commercial"  # the currency that the customer saw
    SETTLEMENT = "settlement"  # the currency that Stripe pays in
    SUBSCRIPTIONS = "subscriptions"  # what recurs, in the currency of its prices


@dataclass(frozen=True)
class Totals:
    """What the snapshots of some days, all in one currency, add up to; money in minor units."""

    gross_minor: int = 0
    payments: int = 0
    refunds_minor: int = 0
    refunds: int = 0
    orders: int = 0
    order_value_minor: int = 0
    refunded_orders: int = 0
    discounts_minor: int = 0
    discounts_unknown: int = 0
    tax_minor: int = 0
    tax_unknown: int = 0
    shipping_minor: int = 0
    shipping_unknown: int = 0
    units: int = 0
    attempts: int = 0
    failures: int = 0
    disputed: int = 0
    disputed_minor: int = 0
    fulfilled: int = 0
    fulfilment_seconds: int = 0

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Totals:
        """The parts added up; all zero where there are none."""
        rows = [tuple(getattr(part, name) for name in TOTALS) for part in parts]
        return cls(*map(sum, zip(*rows, strict=True)))


TOTALS = tuple(field.name for field in fields(Totals))


Value = int | Fraction
# What a KPI is computed from: its ledger's totals over some days.
T = TypeVar("T")


def none_unknown(totals: Any) -> int:
    return 0


@dataclass(frozen=True)
class Kpi(Generic[T]):
    """One figure: what it is called, what it means, and how it is computed.

    ``compute`` gives minor units, a count, seconds, or an exact fraction, as ``unit`` says; None
    where the figure is undefined. ``convention`` says whose way of counting this is, ``unknown`` of
    how many orders the figure isn't known.
    """

    key: str
    name: str
    unit: Unit
    good: Good
    definition: str
    formula: str
    edge_rules: tuple[str, ...]
    compute: Callable[[T], Value | None]
    convention: str = ""
    unknown: Callable[[T], int] = none_unknown
    ledger: Ledger = Ledger.COMMERCIAL

    def number(self, value: Value | None, currency: str) -> str:
        """The value without its currency, for where that stands beside it; – where undefined."""
        return format_value(self.unit, value, currency)


def format_value(unit: Unit, value: Value | None, currency: str) -> str:
    """A value of that unit without its currency; – where undefined."""
    if value is None:
        return UNDEFINED
    if unit is Unit.MONEY:
        return format_number(round(value), currency)
    if unit is Unit.SHARE:
        return f"{tenths(value * 100):,.1f}%".replace("-", MINUS)
    if unit is Unit.HOURS:
        return f"{tenths(Fraction(value, 3600)):,.1f} h".replace("-", MINUS)
    if unit is Unit.RATIO:
        return f"{tenths(value):,.1f}".replace("-", MINUS)
    return f"{round(value):,}".replace("-", MINUS)


def average(total_minor: int, count: int) -> int | None:
    """Minor units for each, rounded once, half to even; None for none."""
    return round(Fraction(total_minor, count)) if count else None


def share(part: int, of: int) -> Fraction | None:
    """Exactly which fraction ``part`` is of ``of``; None of nothing."""
    return Fraction(part, of) if of > 0 else None


def tenths(value: Value) -> Decimal:
    """Rounded to one decimal, half to even."""
    return Decimal(round(Fraction(value) * 10)) / 10
