"""The rows behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from analyticsapp.days import Window
from analyticsapp.drilldown import DRILLDOWNS, Drilldown
from analyticsapp.drilldown.cohorts import of_cohort
from analyticsapp.drilldown.products import of_product
from analyticsapp.drilldown.rows import MOST_DAYS, Cursor, Part, Row, Sum, page, total
from analyticsapp.kpis import Value
from analyticsapp.kpis.kpi import Ledger
from analyticsapp.models import DirtyDay, DirtySubscriber
from analyticsapp.periods import Period, asked
from analyticsapp.selectors.freshness import freshness
from analyticsapp.selectors.sales import busiest
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from payments.admin.columns import admin_link, may_open
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


@dataclass(frozen=True)
class ShownPart:
    """A part of the figure with its sum, where its rows are, and whether they are shown."""

    part: Part
    sum: Sum
    url: str
    current: bool


@dataclass(frozen=True)
class Month:
    """A month of a long period, with its figure and where its rows are."""

    window: Window
    value: Value | None
    url: str


@require_safe
@requires("analyticsapp.view_daysnapshot")
@from_one_snapshot
def rows(request: HttpRequest, key: str) -> HttpResponse:
    """The rows behind a KPI's figure: ``?month=2026-10&currency=eur``; ``part=2`` shows those that
    it is divided by, ``older`` and ``newer`` go on from a row."""
    drilldown = DRILLDOWNS.get(key)
    if drilldown is not None and "product" in request.GET:
        drilldown = of_product(drilldown, request.GET["product"])
    if "cohort" in request.GET:
        drilldown = of_cohort(key, request.GET["cohort"])
    if drilldown is None:
        raise Http404(f"No figure is called {key[:40]!r}.")
    now = timezone.now()
    period, problem = asked(request.GET, now)
    currency = request.GET.get("currency", "").lower()
    if not CURRENCY.fullmatch(currency):
        currency = busiest(now)
    shown_on = drilldown.shown_on or PAGES[drilldown.kpi.ledger]
    context: dict[str, Any] = {
        "section": shown_on,
        "area": AREAS[shown_on],
        "drilldown": drilldown,
        "kpi": drilldown.kpi,
        "period": period,
        "problem": problem,
        "currency": currency,
        "keep": drilldown.named,
        "back": f"{reverse(shown_on)}?{period.query}&{urlencode({'currency': currency})}",
        "freshness": freshness(
            now, DirtySubscriber if drilldown.kpi.ledger is Ledger.SUBSCRIPTIONS else DirtyDay
        ),
        "time_zone": settings.REPORTING_TIME_ZONE,
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
    found = page(
        part,
        period,
        currency,
        older_than=place(request.GET.get("older", "")),
        newer_than=place(request.GET.get("newer", "")),
    )

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
        "part": part,
        "keep": {**drilldown.named, **named(part)},
        "sum": sums[drilldown.parts.index(part)],
        "rows": [(row, link(request, row)) for row in found.rows],
        "newer": url(part, newer=mark(found.rows[0])) if found.newer and found.rows else "",
        "older": url(part, older=mark(found.rows[-1])) if found.older and found.rows else "",
        "newest": url(part),
    }


def by_month(drilldown: Drilldown, period: Period, currency: str) -> list[Month]:
    """The months of a long period, the last one first."""
    parts = period.months()
    found = [
        Month(
            part,
            value,
            address(drilldown, urlencode({"from": part.first, "to": part.last}), currency),
        )
        for part, value in zip(parts, drilldown.figures(parts, currency), strict=True)
    ]
    return found[::-1]


def address(drilldown: Drilldown, period: str, currency: str, **more: str) -> str:
    """The address of a figure's rows."""
    query = urlencode({"currency": currency, **drilldown.named, **more})
    return f"{reverse('rows', args=[drilldown.kpi.key])}?{period}&{query}"


def link(request: HttpRequest, row: Row) -> SafeString | str:
    """What the row is called, with its page in the admin for those who may see it there."""
    model = apps.get_model(row.model)
    if may_open(request.user, model):
        return admin_link(model, row.object_id, row.label)
    return row.label


def mark(row: Row) -> str:
    """The row's place in an address."""
    return f"{row.at.isoformat()},{row.key}"


def place(text: str) -> Cursor | None:
    """The place that ``mark`` wrote; None where none is named."""
    if not text:
        return None
    at, _, key = text.partition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise Http404("There is no such place among the rows.") from None
    if moment.utcoffset() != timedelta(0) or "\0" in key:
        raise Http404("There is no such place among the rows.")
    return Cursor(moment, key)
