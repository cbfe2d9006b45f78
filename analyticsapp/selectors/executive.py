"""What the dashboard shows, read from the snapshots alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Min

from analyticsapp.days import Window, day_of
from analyticsapp.kpis import BOARD, COMMERCIAL, KPIS, TOTALS, Good, Kpi, Totals, Value, tenths
from analyticsapp.models import DaySnapshot
from analyticsapp.selectors.sales import currencies

WINDOWS = (7, 30, 90)
DEFAULT_WINDOW = 30


@dataclass(frozen=True)
class Change:
    """A KPI's value against the value of the period before."""

    kpi: Kpi[Any]
    before: Value
    delta: Value

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
    def percent(self) -> Decimal | None:
        """Unsigned, to one decimal, half to even; None against nothing or less than nothing."""
        if self.before <= 0:
            return None
        return tenths(abs(Fraction(self.delta)) * 100 / self.before)


@dataclass(frozen=True)
class Figure:
    """A KPI's value in a window, and its change where there is something to compare with; and of
    how many orders it isn't known."""

    kpi: Kpi[Any]
    value: Value | None
    change: Change | None
    unknown: int = 0


@dataclass(frozen=True)
class Cell:
    """A KPI's value where nothing is compared."""

    kpi: Kpi[Any]
    value: Value | None


@dataclass(frozen=True)
class DayRow:
    """One day's totals, and the same day's of the period before."""

    day: date
    totals: Totals
    day_before: date
    before: Totals

    @property
    def values(self) -> list[Cell]:
        """The page's KPIs of the day, in their order."""
        return [Cell(kpi, kpi.compute(self.totals)) for kpi in BOARD]

    def value(self, key: str) -> Value | None:
        """A KPI of the day."""
        return KPIS[key].compute(self.totals)


@dataclass(frozen=True)
class Dashboard:
    """Everything that the page shows about one currency and window."""

    currency: str
    currencies: list[str]  # the busiest first
    window: Window
    before: Window
    today: date
    first_day: date  # of all figures
    figures: list[Figure]  # that stand at the top
    more: list[Figure]  # all others
    days: list[DayRow]
    totals: Totals

    @property
    def comparable(self) -> bool:
        """Whether the whole period before lies within recorded time."""
        return self.first_day <= self.before.first


def dashboard(days: int, currency: str, now: datetime) -> Dashboard | None:
    """The figures of the last ``days`` days in ``currency``, today included.

    A currency without figures falls back to the busiest one. None while there are no figures at
    all. At most three queries, four where nothing was sold lately.
    """
    today = day_of(now)
    window = Window.ending(today, days)
    before = window.before()
    first_day = DaySnapshot.objects.aggregate(first=Min("day"))["first"]
    if first_day is None:
        return None
    names = currencies(now)
    if currency not in names:
        currency = names[0]
    by_day = _by_day(currency, before.first, window.last)
    rows = [
        DayRow(day, by_day.get(day, Totals()), day_before, by_day.get(day_before, Totals()))
        for day, day_before in zip(window.days(), before.days(), strict=True)
    ]
    totals = Totals.sum(row.totals for row in rows)
    totals_before = Totals.sum(row.before for row in rows) if first_day <= before.first else None
    return Dashboard(
        currency=currency,
        currencies=names,
        window=window,
        before=before,
        today=today,
        first_day=first_day,
        figures=[_figure(kpi, totals, totals_before) for kpi in BOARD],
        more=[_figure(kpi, totals, totals_before) for kpi in COMMERCIAL if kpi not in BOARD],
        days=rows,
        totals=totals,
    )


def _figure(kpi: Kpi[Totals], totals: Totals, totals_before: Totals | None) -> Figure:
    value = kpi.compute(totals)
    before = kpi.compute(totals_before) if totals_before else None
    change = None
    if value is not None and before is not None:
        change = Change(kpi, before, value - before)
    return Figure(kpi, value, change, kpi.unknown(totals))


def _by_day(currency: str, first: date, last: date) -> dict[date, Totals]:
    rows = DaySnapshot.objects.filter(currency=currency, day__range=(first, last))
    return {day: Totals(*numbers) for day, *numbers in rows.order_by().values_list("day", *TOTALS)}
