"""What the executive's page shows, read from the snapshots alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest

from analyticsapp.currencies import chosen
from analyticsapp.days import DAY, QUARTER, YEAR_AND_MONTH, Window, months_later
from analyticsapp.kpis import BOARD, COMMERCIAL, CUSTOMERS, KPIS, TOTALS, Kpi, Totals, Value
from analyticsapp.models import DaySnapshot
from analyticsapp.periods import Comparable, Period
from analyticsapp.selectors.customers import buyers
from analyticsapp.selectors.figures import Change, Figure, figure
from analyticsapp.selectors.products import BestSellers, best_sellers
from analyticsapp.selectors.sales import recorded, totals_of

# Longer periods are shown by month.
MOST_DAYS = QUARTER
MOST = 6  # of each list
NOT_COUNTED = "only for 7, 30 and 90 days, months and quarters"


def net_sales(totals: Totals) -> int:
    """In minor units."""
    return totals.gross_minor - totals.refunds_minor


@dataclass(frozen=True)
class Slot:
    """A day or a month with its totals, and the day of the period before that it is compared with,
    where there is one."""

    window: Window
    totals: Totals
    window_before: Window | None = None
    before: Totals | None = None

    @property
    def values(self) -> list[tuple[Kpi[Totals], Value | None]]:
        """The page's KPIs, in their order."""
        return [(kpi, kpi.compute(self.totals)) for kpi in BOARD]

    def value(self, key: str) -> Value | None:
        """A KPI of it."""
        found: Value | None = KPIS[key].compute(self.totals)
        return found

    @property
    def net_sales(self) -> int:
        """In minor units."""
        return net_sales(self.totals)


@dataclass(frozen=True)
class Elsewhere:
    """Net sales in another currency, for itself: nothing is converted and nothing added."""

    currency: str
    figure: Figure


@dataclass(frozen=True)
class Board:
    """Everything that the page shows about one currency and period."""

    currency: str
    currencies: list[str]  # the busiest first
    period: Period
    before: Period
    year_before: Period
    comparable: Comparable
    first_day: date  # of all figures
    figures: list[Figure]  # that stand at the top
    more: list[Figure]  # all others
    slots: list[Slot]  # in order
    by_day: bool  # whether those are days, not months
    months: list[Slot]  # the last thirteen up to the period's last, those with figures
    products: BestSellers
    elsewhere: list[Elsewhere]
    totals: Totals

    def part_of(self, month: Window) -> str:
        """What of a calendar month its figures cover; empty where that is all of it."""
        return self.period.part_of(month, self.first_day)

    @property
    def movers(self) -> list[Change]:
        """The KPIs that changed most against the period before, relative to what they were."""
        changes = [one.change for one in (*self.figures, *self.more) if one.change]
        moved = [(abs(one.relative), n) for n, one in enumerate(changes) if one.relative]
        moved.sort(key=lambda found: (-found[0], found[1]))
        return [changes[n] for _, n in moved[:MOST]]


def board(period: Period, currency: str, now: datetime) -> Board | None:
    """The figures of ``period`` in ``currency``.

    A currency without figures falls back to the busiest one. None while there are no figures at
    all. Five queries, six where nothing was sold lately, however much there is.
    """
    there = recorded(now, period)
    first_day, names = there.first_day, there.currencies
    if first_day is None:
        return None
    currency = chosen(currency, names)
    before, year_before = period.before(), period.year_before()
    by_day = len(period) <= MOST_DAYS
    months = last_months(period)
    parts = [] if by_day else period.months()
    sums = totals_of([period, before, year_before, *months, *parts], names)
    comparable = period.comparable(first_day)
    totals, *of_earlier = sums[currency][:3]
    earlier = comparable.only(*of_earlier)
    people, *people_then = buyers([period, before, year_before], currency)
    people_earlier = comparable.only(*people_then)
    return Board(
        currency=currency,
        currencies=names,
        period=period,
        before=before,
        year_before=year_before,
        comparable=comparable,
        first_day=first_day,
        figures=[figure(kpi, totals, *earlier) for kpi in BOARD],
        more=[
            *(figure(kpi, totals, *earlier) for kpi in COMMERCIAL if kpi not in BOARD),
            *(figure(kpi, people, *people_earlier, NOT_COUNTED) for kpi in CUSTOMERS),
        ],
        slots=_days(period, before, currency, comparable.before)
        if by_day
        else _slots(parts, sums[currency][3 + len(months) :], first_day),
        by_day=by_day,
        months=_slots(months, sums[currency][3:], first_day),
        products=best_sellers(period, before, currency, MOST),
        elsewhere=[
            Elsewhere(
                other,
                figure(KPIS["net_sales"], sums[other][0], *comparable.only(*sums[other][1:3])),
            )
            for other in names
            if other != currency
        ],
        totals=totals,
    )


def last_months(period: Period) -> list[Window]:
    """Thirteen months up to the one that the period's last day is in, in order; the last one up to
    today at most."""
    last = period.last.replace(day=1)
    firsts = [months_later(last, n) for n in range(1 - YEAR_AND_MONTH, 1)]
    return [Window(first, min(months_later(first, 1) - DAY, period.today)) for first in firsts]


def _slots(windows: Sequence[Window], sums: Sequence[Totals], first_day: date) -> list[Slot]:
    """The months that have figures."""
    return [
        Slot(window, totals)
        for window, totals in zip(windows, sums, strict=False)
        if window.last >= first_day
    ]


def _days(period: Period, before: Period, currency: str, comparable: bool) -> list[Slot]:
    """The days of a period, each with the one as far into the period before, if that has one."""
    rows = DaySnapshot.objects.filter(currency=currency, day__range=(before.first, period.last))
    by_day = {
        day: Totals(*numbers) for day, *numbers in rows.order_by().values_list("day", *TOTALS)
    }
    days = list(zip_longest(period.days(), before.days()))[: len(period)]
    return [
        Slot(
            Window(day, day),
            by_day.get(day, Totals()),
            Window(earlier, earlier) if earlier and comparable else None,
            by_day.get(earlier, Totals()) if earlier and comparable else None,
        )
        for day, earlier in days
    ]
