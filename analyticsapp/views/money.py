"""The page of the money: what Stripe settled, and the bridge that leads there from net sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analyticsapp.addresses import month_query, query_of, rows_at, rows_of
from analyticsapp.bridge.lines import FEE, line_of, words
from analyticsapp.currencies import chosen
from analyticsapp.days import Window
from analyticsapp.drilldown.rows import MOST_DAYS
from analyticsapp.kpis import KPIS, Settled
from analyticsapp.kpis.settlement import DISPUTED_WITHIN
from analyticsapp.periods import Period
from analyticsapp.selectors.bridge import Bridge, Entry, bridge
from analyticsapp.selectors.settlement import (
    Account,
    Cohort,
    account,
    cohorts,
    disputed_currencies,
    first_settled,
    settled_by_day,
    settled_by_month,
)
from analyticsapp.views.page import VIEW, head
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from payments.models import Dispute
from payments.money import format_number

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


@dataclass(frozen=True)
class ShownCell:
    """An amount of the bridge: its class and text, where its rows are, and how many."""

    css: str
    text: str
    url: str = ""
    rows: int = 0


@dataclass(frozen=True)
class ShownEntry:
    """A line of the bridge, or a figure, with a cell for each currency; and where on the page it is
    explained."""

    entry: Entry
    anchor: str
    cells: list[ShownCell | None]


@dataclass(frozen=True)
class ShownDay:
    """A day or month: its address, what of it the figures cover where that isn't all, and each
    figure's class, text and where its rows are."""

    first: date
    url: str
    part: str
    cells: list[tuple[str, str, str]]


@require_safe
@requires(VIEW)
@from_one_snapshot
def money(request: HttpRequest) -> HttpResponse:
    """The settlement and the bridge: ``?month=2026-10&currency=eur``."""
    period, context = head(request, "money")
    found = bridge(period)
    names = [*found.currencies, *disputed_currencies(period, besides=found.currencies)]
    currency = chosen(request.GET.get("currency", ""), names)
    first_day = first_settled()
    context |= {
        "currency": currency,
        "currencies": names,
        "first_day": first_day,
    }
    if currency:
        context |= settlement(account(period, currency, first_day), first_day)
        context |= statement(found, period, currency)
        context["cohorts"] = shown_cohorts(cohorts(currency, period.today), currency)
        context["mature_after"] = DISPUTED_WITHIN
        context["may_export"] = request.user.has_perm(EXPORT)
    return render(request, "analytics/money.html", context)


def settlement(found: Account, first_day: date | None) -> dict[str, Any]:
    """What the balance did: figures, categories, fees, days or months, disputes opened."""
    figures = {one.kpi.key: one for one in found.figures}
    period, now = found.period, found.now

    def rows(key: str, of: dict[str, str]) -> str:
        return rows_of(key, period.query, found.currency, of)

    def disputes(status: str, number: int, amount: int) -> tuple[str, int, str, int, str]:
        of = {"status": status}
        if status in Dispute.MOVES_NO_MONEY:
            return words(status), number, rows("inquiries", of), amount, ""
        value = rows("disputes_opened_value", of)
        return words(status), number, rows("disputes_opened", of), amount, value

    return {
        "comparable": found.comparable,
        "tiles": [figures[key] for key in TILES],
        "more": [one for key, one in figures.items() if key not in TILES],
        "categories": [
            (words(one.name), one, rows("balance_change", {"category": one.name}))
            for one in found.categories
        ],
        "all_categories": found.all_categories,
        "fees": [
            (line_of(f"{FEE}{name}").name, amount, rows("fees", {"fee": name}))
            for name, amount in now.fees.items()
        ],
        "fees_minor": now.fees_minor,
        "disputes": [disputes(status, *told) for status, told in now.disputes.items()],
        "by_day": len(period) <= MOST_DAYS,
        "of_a_day": OF_A_DAY,
        "days": days(period, found.currency, first_day or period.first),
        "total": cells_of(now, period, found.currency),
        "all_rows": rows("balance_change", {}),
        "fee_rows": rows("fees", {}),
    }


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
            query_of(part.query, currency),
            part_of,
            cells_of(moved, part, currency),
        )
        for part, part_of, moved in reversed(shown)
    ]


def cells_of(moved: Settled, window: Window, currency: str) -> list[tuple[str, str, str]]:
    """The figures of a line of the table: class, text and where its rows are."""
    query = query_of(window.query, currency)
    values = [(kpi, kpi.compute(moved)) for kpi in OF_A_DAY]
    return [
        (
            css_of(round(value or 0)) or ("" if value else "nothing"),
            kpi.number(value, currency),
            rows_at(kpi.key) + query,
        )
        for kpi, value in values
    ]


def css_of(amount: int) -> str:
    return "negative" if amount < 0 else ""


def statement(found: Bridge, period: Period, currency: str) -> dict[str, Any]:
    """The bridge as a table: a column for each currency, the one that is shown first."""
    columns = [currency, *(one for one in found.currencies if one != currency)]
    entries = found.statement()

    def cell(entry: Entry, column: str) -> ShownCell | None:
        if column not in entry.amounts:
            return None
        amount = entry.amounts[column]
        text = format_number(amount, column)
        if entry.figure:
            kpi = entry.figure.kpi
            url = rows_of(kpi, period.query, column) if kpi else ""
            return ShownCell(css_of(amount), text, url)
        one = entry.cells[column]
        url = line_address(period, column, one.line, one.counterpart)
        sign = "+" if amount > 0 else ""
        return ShownCell(css_of(amount), sign + text, url, one.rows)

    return {
        "columns": columns,
        "entries": [
            ShownEntry(entry, anchor(entry.key), [cell(entry, one) for one in columns])
            for entry in entries
        ],
        "meanings": {anchor(one.key): one.line or one.figure for one in entries},
    }


def line_address(period: Period, currency: str, line: str, counterpart: str, **more: str) -> str:
    """Where the rows behind a line of the bridge are; those of one counterpart if one is given."""
    of = {"line": line, **({"counterpart": counterpart} if counterpart else {}), **more}
    return reverse("money-rows") + query_of(period.query, currency, of)


def anchor(key: str) -> str:
    """The place on the page where a line or figure is explained."""
    return "line-" + key.replace(":", "-").replace(" ", "-")


def shown_cohorts(found: list[Cohort], currency: str) -> list[tuple[Cohort, str, str, str]]:
    """Each month with its rate as text, where the rows of that are, and those of all charges."""
    rate = KPIS["dispute_rate"]
    return [
        (
            cohort,
            rate.number(cohort.rate, ""),
            rows_of(rate.key, month_query(cohort.month), currency),
            rows_of(rate.key, month_query(cohort.month), currency, {"part": 2}),
        )
        for cohort in found
    ]
