"""The rows behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analyticsapp.addresses import query_of, rows_of
from analyticsapp.drilldown import DRILLDOWNS, Drilldown
from analyticsapp.drilldown.cohorts import of_cohort
from analyticsapp.drilldown.products import of_product
from analyticsapp.drilldown.rows import MOST_DAYS, Part, Sum, total
from analyticsapp.drilldown.settlement import of_category, of_fee, of_status
from analyticsapp.kpis.kpi import Ledger
from analyticsapp.models import DirtyDay, DirtySubscriber
from analyticsapp.periods import Period
from analyticsapp.selectors.sales import busiest
from analyticsapp.views.listing import Month, listing
from analyticsapp.views.page import VIEW, head
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from payments.money import CURRENCY

# Which page a ledger's figures stand on, and of what issues make the figures of a page doubtful.
PAGES = {
    Ledger.COMMERCIAL: "dashboard",
    Ledger.SETTLEMENT: "money",
    Ledger.SUBSCRIPTIONS: "subscriptions",
}
AREAS = {
    "dashboard": "sales",
    "money": "settlement",
    "subscriptions": "subscriptions",
    "products": "products",
}


# The figure of one of many things, by what addresses call these.
OF_ONE = {"product": of_product, "category": of_category, "fee": of_fee, "status": of_status}


@dataclass(frozen=True)
class ShownPart:
    """A part of the figure with its sum, where its rows are, and whether they are shown."""

    part: Part
    sum: Sum
    url: str
    current: bool


@require_safe
@requires(VIEW)
@from_one_snapshot
def rows(request: HttpRequest, key: str) -> HttpResponse:
    """The rows behind a KPI's figure: ``?month=2026-10&currency=eur``; ``part=2`` shows those that
    it is divided by, ``older`` and ``newer`` go on from a row."""
    drilldown = DRILLDOWNS.get(key)
    for name, narrow in OF_ONE.items():
        if drilldown is not None and name in request.GET:
            drilldown = narrow(drilldown, request.GET[name])
    if "cohort" in request.GET:
        drilldown = of_cohort(key, request.GET["cohort"])
    if drilldown is None:
        raise Http404(f"No figure is called {key[:40]!r}.")
    shown_on = drilldown.shown_on or PAGES[drilldown.kpi.ledger]
    log = DirtySubscriber if drilldown.kpi.ledger is Ledger.SUBSCRIPTIONS else DirtyDay
    period, context = head(request, shown_on, log)
    currency = request.GET.get("currency", "").lower()
    if not CURRENCY.fullmatch(currency):
        currency = busiest(context["now"])
    context |= {
        "area": AREAS[shown_on],
        "drilldown": drilldown,
        "kpi": drilldown.kpi,
        "currency": currency,
        "keep": drilldown.named,
        "back": reverse(shown_on) + query_of(period.query, currency),
        "most_days": MOST_DAYS,
    }
    if len(period) > MOST_DAYS:
        context["months"] = by_month(drilldown, period, currency)
        context["figure"] = drilldown.figure(period, currency)
    else:
        context |= listed(request, drilldown, period, currency)
    return render(request, "analytics/rows.html", context)


def listed(
    request: HttpRequest, drilldown: Drilldown, period: Period, currency: str
) -> dict[str, Any]:
    """What the page shows of a period whose rows are listed: the parts, their sums, some rows."""
    numbers = {str(number): part for number, part in enumerate(drilldown.parts, 1)}
    part = numbers.get(request.GET.get("part", ""), drilldown.parts[0])
    sums = [total(one, period, currency) for one in drilldown.parts]

    def named(shown: Part) -> dict[str, str]:
        number = drilldown.parts.index(shown) + 1
        return {"part": str(number)} if number > 1 else {}

    def url(shown: Part, **more: str) -> str:
        return address(drilldown, period.query, currency, **more, **named(shown))

    figure, value = drilldown.figure(period, currency), drilldown.value(sums, period)
    return {
        "figure": figure,
        "value": value,
        "agrees": figure == value,
        "parts": [
            ShownPart(one, summed, url(one), one is part)
            for one, summed in zip(drilldown.parts, sums, strict=True)
        ],
        "keep": {**drilldown.named, **named(part)},
        "sum": sums[drilldown.parts.index(part)],
        **listing(request, part, period, currency, partial(url, part)),
    }


def by_month(drilldown: Drilldown, period: Period, currency: str) -> list[Month]:
    """The months of a long period, the last one first."""
    parts = period.months()
    found = [
        Month(part, value, address(drilldown, part.query, currency))
        for part, value in zip(parts, drilldown.figures(parts, currency), strict=True)
    ]
    return found[::-1]


def address(drilldown: Drilldown, period: str, currency: str, **more: str) -> str:
    """The address of a figure's rows."""
    return rows_of(drilldown.kpi.key, period, currency, {**drilldown.named, **more})
