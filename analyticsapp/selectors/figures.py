"""A KPI's value beside what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from analyticsapp.kpis import Good, Kpi, Unit, Value, tenths

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """A KPI's value against an earlier one."""

    kpi: Kpi[Any]
    before: Value
    delta: Value

    @property
    def now(self) -> Value:
        """The later value."""
        return self.before + self.delta

    @property
    def direction(self) -> str:
        """``up``, ``down`` or ``unchanged``."""
        if not self.delta:
            return "unchanged"
        return "up" if self.delta > 0 else "down"

    @property
    def verdict(self) -> str:
        """Whether that is ``better`` or ``worse``; empty where nothing changed, or neither is."""
        if not self.delta or self.kpi.good is Good.NEITHER:
            return ""
        return "better" if (self.delta > 0) == (self.kpi.good is Good.UP) else "worse"

    @property
    def relative(self) -> Fraction | None:
        """The change as a share of what it was; None against nothing or less than nothing."""
        return Fraction(self.delta) / Fraction(self.before) if self.before > 0 else None

    @property
    def percent(self) -> Decimal | None:
        """That unsigned, to one decimal, half to even; None of rates and ratios, whose change in
        percent would be taken for one in points."""
        if self.relative is None or self.kpi.unit in (Unit.SHARE, Unit.RATIO):
            return None
        return tenths(abs(self.relative) * 100)

    @property
    def points(self) -> Decimal | None:
        """By how many percentage points a rate changed, as ``percent``; None of anything else."""
        return tenths(abs(Fraction(self.delta)) * 100) if self.kpi.unit is Unit.SHARE else None


@dataclass(frozen=True)
class Figure:
    """A KPI's value in a period, and its changes where there is something to compare with; of how
    many orders it isn't known, and why there is none at all where that has a reason."""

    kpi: Kpi[Any]
    value: Value | None
    change: Change | None = None
    year_change: Change | None = None
    unknown: int = 0
    reason: str = ""


def figure(
    kpi: Kpi[T], now: T | None, before: T | None, year_before: T | None, reason: str = ""
) -> Figure:
    """The figure of these totals. Without earlier ones nothing is compared; without any at all
    there is no figure, and ``reason`` says why."""
    if now is None:
        return Figure(kpi, None, reason=reason)
    value = kpi.compute(now)
    return Figure(
        kpi,
        value,
        _change(kpi, value, before),
        _change(kpi, value, year_before),
        kpi.unknown(now),
    )


def _change(kpi: Kpi[T], value: Value | None, before: T | None) -> Change | None:
    earlier = None if before is None else kpi.compute(before)
    if value is None or earlier is None:
        return None
    return Change(kpi, earlier, value - earlier)
