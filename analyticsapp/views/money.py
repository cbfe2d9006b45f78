"""The page of the money: what Stripe settled, and the bridge that leads there from net sales."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analyticsapp.bridge.lines import line_of, words
from analyticsapp.days import Window
from analyticsapp.drilldown.rows import MOST_DAYS
from analyticsapp.kpis import KPIS, SETTLEMENT, Settled
from analyticsapp.kpis.settlement import DISPUTED_WITHIN, Moved
from analyticsapp.periods import Period, asked
from analyticsapp.selectors.bridge import Bridge, Entry, bridge
from analyticsapp.selectors.figures import figure
from analyticsapp.selectors.freshness import freshness
from analyticsapp.selectors.settlement import (
    Cohort,
    cohorts,
    disputed_currencies,
    first_settled,
    settled,
    settled_by_day,
    settled_by_month,
)
from analyticsapp.templatetags.periods import rows_of
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from payments.categories import KNOWN
from payments.money import format_number

VIEW = "analyticsapp.view_daysnapshot"
EXPORT = "analyticsapp.export_finance"
TILES = ("settled_charges", "settled_refunds", "fees", "settled_net", "payouts")
OF_A_DAY = tuple(
    KPIS[key]
    for key in (
        "settled_charges",
        "settled_refunds",
        "disputes_withdrawn",
        "disputes_returned",
        "fees",
        "settled_net",
        "payouts",
        "balance_change",
    )
)
MONTHS_OF_COHORTS = 13


@dataclass(frozen=True)
class ShownCell:
    """An amount of the bridge: its class and text, where its rows are, and how many."""

    css: str
    text: str
    url: str = ""
    rows: int = 0


@dataclass(frozen=True)
class ShownEntry:
    """A line of the bridge, or a figure, with a cell for each currency; and where it is defined."""

    entry: Entry
    meaning: str
    cells: list[ShownCell | None]


@dataclass(frozen=True)
class ShownDay:
    """A day or month: its address, what of it the figures cover where that isn't all, and each
    figure's class and text."""

    first: date
    url: str
    part: str
    cells: list[tuple[str, str]]


@dataclass(frozen=True)
class Category:
    """A reporting category of Stripe's, by its own name. ``known`` to this version or not."""

    name: str
    moved: Moved
    known: bool

    @property
    def words(self) -> str:
        return words(self.name)

    @property
    def net_minor(self) -> int:
        return self.moved.amount_minor - self.moved.fee_minor


@require_safe
@requires(VIEW)
@from_one_snapshot
def money(request: HttpRequest) -> HttpResponse:
    """The settlement and the bridge: ``?month=2026-10&currency=eur``."""
    now = timezone.now()
    period, problem = asked(request.GET, now)
    found = bridge(period)
    names = [*found.currencies, *disputed_currencies(period, besides=found.currencies)]
    currency = request.GET.get("currency", "").lower()
    if currency not in names:
        currency = next(iter(names), "")
    first_day = first_settled()
    context: dict[str, Any] = {
        "section": "money",
        "period": period,
        "problem": problem,
        "currency": currency,
        "currencies": names,
        "first_day": first_day,
        "freshness": freshness(now),
        "time_zone": settings.REPORTING_TIME_ZONE,
        "most_days": MOST_DAYS,
    }
    if currency:
        context |= settlement(period, currency, first_day)
        context |= statement(found, period, currency)
        context["cohorts"] = shown_cohorts(cohorts(currency, period.today, MONTHS_OF_COHORTS))
        context["mature_after"] = DISPUTED_WITHIN
        context["may_export"] = request.user.has_perm(EXPORT)
    return render(request, "analytics/money.html", context)


def settlement(period: Period, currency: str, first_day: date | None) -> dict[str, Any]:
    """What the balance did: figures, categories, fees, days or months, disputes opened."""
    windows = (period, period.before(), period.year_before())
    now, *earlier = settled(windows, currency)
    before, year_before = (
        past if first_day and first_day <= window.first else None
        for past, window in zip(earlier, windows[1:], strict=True)
    )
    figures = {kpi.key: figure(kpi, now, before, year_before) for kpi in SETTLEMENT}
    return {
        "before": windows[1],
        "comparable": before is not None,
        "tiles": [figures[key] for key in TILES],
        "more": [one for key, one in figures.items() if key not in TILES],
        "categories": categories(now),
        "all_categories": Category("", summed(now.moved.values()), known=True),
        "fees": [(line_of(f"fee:{name}").name, amount) for name, amount in now.fees.items()],
        "fees_minor": now.fees_minor,
        "disputes": [(words(status), *told) for status, told in now.disputes.items()],
        "by_day": len(period) <= MOST_DAYS,
        "of_a_day": OF_A_DAY,
        "days": days(period, currency, first_day or period.first),
        "total": cells_of(now, currency),
    }


def categories(now: Settled) -> list[Category]:
    """The categories that moved anything, the busiest first."""
    found = [Category(name, moved, name in KNOWN) for name, moved in now.moved.items()]
    return sorted(found, key=lambda one: (-one.moved.transactions, one.name))


def summed(parts: Iterable[Moved]) -> Moved:
    rows = [(one.transactions, one.amount_minor, one.fee_minor) for one in parts]
    return Moved(*map(sum, zip(*rows, strict=True)))


def days(period: Period, currency: str, first_day: date) -> list[ShownDay]:
    """Each day, or of a long period each month on which anything moved; the newest first."""
    if len(period) > MOST_DAYS:
        by_month = settled_by_month(period, currency)
        shown = [
            (month, period.part_of(month, first_day), by_month[month.first.replace(day=1)])
            for month in period.months()
            if month.first.replace(day=1) in by_month
        ]
    else:
        by_day = settled_by_day(period, currency)
        shown = [
            (Window(day, day), "so far" if day == period.today else "", by_day.get(day, Settled()))
            for day in period.days()
        ]
    return [
        ShownDay(
            part.first,
            "?" + urlencode({"from": part.first, "to": part.last, "currency": currency}),
            words,
            cells_of(moved, currency),
        )
        for part, words, moved in reversed(shown)
    ]


def cells_of(moved: Settled, currency: str) -> list[tuple[str, str]]:
    """The figures of a line of the table: class and text."""
    values = [(kpi, kpi.compute(moved)) for kpi in OF_A_DAY]
    return [
        (css_of(round(value or 0)) or ("" if value else "nothing"), kpi.number(value, currency))
        for kpi, value in values
    ]


def css_of(amount: int) -> str:
    return "negative" if amount < 0 else ""


def statement(found: Bridge, period: Period, currency: str) -> dict[str, Any]:
    """The bridge as a table: a column for each currency, the one that is shown first."""
    columns = [currency, *(one for one in found.currencies if one != currency)]
    listed = len(period) <= MOST_DAYS
    entries = found.statement()

    def cell(entry: Entry, column: str) -> ShownCell | None:
        if column not in entry.amounts:
            return None
        amount = entry.amounts[column]
        text = format_number(amount, column)
        if entry.figure:
            kpi = entry.figure.kpi
            url = rows_of(KPIS[kpi], period, column) if kpi else ""
            return ShownCell(css_of(amount), text, url)
        one = entry.cells[column]
        query = {"line": one.line, "currency": column}
        if one.counterpart:
            query["counterpart"] = one.counterpart
        url = f"{reverse('money-rows')}?{period.query}&{urlencode(query)}" if listed else ""
        sign = "+" if amount > 0 else ""
        return ShownCell(css_of(amount), sign + text, url, one.rows)

    return {
        "columns": columns,
        "entries": [
            ShownEntry(entry, anchor(entry.key), [cell(entry, one) for one in columns])
            for entry in entries
        ],
        "listed": listed,
        "meanings": {anchor(one.key): one.line or one.figure for one in entries},
    }


def anchor(key: str) -> str:
    """The place on the page where a line or figure is explained."""
    return "line-" + key.replace(":", "-").replace(" ", "-")


def shown_cohorts(found: list[Cohort]) -> list[tuple[Cohort, str]]:
    """Each month with its rate as text."""
    rate = KPIS["dispute_rate"]
    return [(cohort, rate.number(cohort.rate, "")) for cohort in found]
