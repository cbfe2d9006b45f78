"""The executive's page."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analyticsapp.addresses import query_of, rows_at
from analyticsapp.bars import Bars, Month, columns
from analyticsapp.charts import Chart, Point, sparkline, trend
from analyticsapp.kpis import BOARD, KPIS
from analyticsapp.selectors.executive import Board, Slot, board, net_sales
from analyticsapp.selectors.products import SoldProduct
from analyticsapp.views.page import VIEW, head
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot


@dataclass(frozen=True)
class Line:
    """A day or month in the table: its address, names, and each figure's class, text and where its
    rows are.

    Written out here, as a quarter has hundreds of them.
    """

    url: str
    datetime: str
    weekday: str
    name: str
    year: str
    part: str  # what of it the figures cover, where that isn't all
    cells: list[tuple[str, str, str]]


@require_safe
@requires(VIEW)
@from_one_snapshot
def executive(request: HttpRequest) -> HttpResponse:
    """The business at a glance: a period as ``analyticsapp.periods`` names it, and a currency."""
    period, context = head(request, "dashboard")
    found = board(period, request.GET.get("currency", ""), context["now"])
    context |= {"board": found, "kpis": BOARD, "named": KPIS}
    if found:
        context |= {
            "currency": found.currency,
            "currencies": found.currencies,
            "chart": by_day(found) if found.by_day else None,
            "bars": None if found.by_day else by_month("columns", found, found.slots),
            "months": by_month("months", found, found.months),
            "month_lines": [(slot, found.part_of(slot.window)) for slot in reversed(found.months)],
            "best": [(one, share(one)) for one in found.products.best],
            "lines": [line(found, slot) for slot in reversed(found.slots)],
            "tiles": [
                (figure, sparkline(finished(found, figure.kpi.key))) for figure in found.figures
            ],
        }
    return render(request, "analytics/executive.html", context)


def by_day(found: Board) -> Chart:
    """Net sales of each day beside those of the period before."""
    return trend(
        "trend",
        f"Net sales a day in {found.currency.upper()}",
        [
            Point(
                day=slot.window.first,
                value=slot.net_sales,
                before=net_sales(slot.before) if slot.before else None,
                day_before=slot.window_before.first if slot.window_before else None,
            )
            for slot in found.slots
        ],
        found.currency,
        today=found.period.today,
    )


def by_month(name: str, found: Board, slots: list[Slot]) -> Bars:
    """Net sales of each month."""
    return columns(
        name,
        f"Net sales a month in {found.currency.upper()}",
        [
            Month(
                slot.window.first,
                slot.net_sales,
                found.part_of(slot.window),
            )
            for slot in slots
        ],
        found.currency,
    )


def line(found: Board, slot: Slot) -> Line:
    """The slot as a line of the table."""
    first, last = slot.window.first, slot.window.last
    so_far = "so far" if last == found.period.today else ""
    query = query_of(slot.window.query, found.currency)
    return Line(
        url=query,
        datetime=str(first) if found.by_day else f"{first:%Y-%m}",
        weekday=f"{first:%a}" if found.by_day else "",
        name=f"{first.day} {first:%b}" if found.by_day else f"{first:%b %Y}",
        year=str(first.year) if found.by_day else "",
        part=found.part_of(slot.window) if not found.by_day else so_far,
        cells=[
            (
                "negative" if value and value < 0 else "" if value else "nothing",
                kpi.number(value, found.currency),
                rows_at(kpi.key) + query,
            )
            for kpi, value in slot.values
        ],
    )


def share(one: SoldProduct) -> str:
    """The product's part of the sales of all products."""
    kpi = KPIS["product_share"]
    return kpi.number(kpi.compute(one.now), "")


def finished(found: Board, key: str) -> list[int | None]:
    """The KPI of each day that is over: an unfinished one would end every small line in a dip."""
    over = (slot for slot in found.slots if slot.window.last < found.period.today)
    values = (slot.value(key) for slot in over)
    return [None if value is None else round(value) for value in values]
