"""The page of subscriptions: what recurs, what moved it, and how long customers stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from analyticsapp.addresses import month_query, query_of, rows_of
from analyticsapp.bars import Month, columns
from analyticsapp.currencies import chosen
from analyticsapp.days import DAY, Window
from analyticsapp.drilldown.cohorts import rows_of_cohort
from analyticsapp.kpis import COHORTS, KPIS, SUBSCRIPTIONS, Cohort, Kpi, Recurring, Value
from analyticsapp.models import DirtySubscriber
from analyticsapp.periods import Period
from analyticsapp.selectors.cohorts import MOST, CohortRow, cohorts
from analyticsapp.selectors.executive import last_months
from analyticsapp.selectors.figures import Change
from analyticsapp.selectors.subscriptions import (
    LATEST,
    first_recurring_day,
    latest_movements,
    recurring,
    recurring_currencies,
)
from analyticsapp.subscriptions.conventions import BY_STATUS, conventions
from analyticsapp.views.page import VIEW, head
from analyticsapp.waterfall import Step, waterfall
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from payments.admin.columns import admin_link, may_open
from payments.models import Subscription

TILES = ("mrr", "subscribers", "arpa", "gross_mrr_churn", "customer_churn")
OF_A_MONTH = tuple(KPIS[key] for key in ("mrr", "subscribers", "customer_churn"))
SHADES = 10
# By kind, and whether it adds; in the order in which they stand between opening and closing.
KINDS = (
    ("new", "New", 1),
    ("expansion", "Expansion", 1),
    ("reactivation", "Reactivation", 1),
    ("contraction", "Contraction", -1),
    ("churn", "Churn", -1),
)


@dataclass(frozen=True)
class Line:
    """A figure, the address of its rows, and its changes, None where there is nothing to compare
    with."""

    kpi: Kpi[Recurring]
    value: Value | None
    url: str
    before: Change | None
    year_before: Change | None


@dataclass(frozen=True)
class Moving:
    """A line of the waterfall: by how much and how many customers it moved, losses negative."""

    name: str
    kpi: Kpi[Any] | None
    amount_minor: int
    customers: int
    url: str


@dataclass(frozen=True)
class Cell:
    """What was left of a cohort in a month: the share, what that is in numbers, where its rows are,
    and how dark it is, in tenths."""

    share: str
    of: str
    url: str
    shade: int
    so_far: bool


@dataclass(frozen=True)
class CohortLine:
    """A cohort, where its customers are, and a cell for each month since; None: still to come."""

    row: CohortRow
    url: str
    cells: list[Cell | None]


@require_safe
@requires(VIEW)
@from_one_snapshot
def subscriptions(request: HttpRequest) -> HttpResponse:
    """What recurs: ``?month=2026-10&currency=eur&cohorts=net_mrr_retention``."""
    period, context = head(request, "subscriptions", DirtySubscriber)
    names = recurring_currencies()
    currency = chosen(request.GET.get("currency", ""), names)
    shown = {kpi.key: kpi for kpi in COHORTS}.get(request.GET.get("cohorts", ""), COHORTS[0])
    context |= {
        "keep": {} if shown is COHORTS[0] else {"cohorts": shown.key},
        "currency": currency,
        "currencies": names,
    }
    if currency:
        rules = conventions()
        context |= figures(period, currency)
        context |= retention(period, currency, shown)
        context |= {
            "moved": [
                (one.movement, named(one.subscription_id, may_open(request.user, Subscription)))
                for one in latest_movements(period, currency)
            ],
            "latest": LATEST,
            "rules": rules,
            "by_status": [
                {"title": title, "setting": setting, "counts": status in rules.statuses}
                for status, (setting, title) in BY_STATUS.items()
            ],
        }
    return render(request, "analytics/subscriptions.html", context)


def named(subscription_id: str, open_to_user: bool) -> SafeString | str:
    """The subscription, with its page in the admin for those who may see it there."""
    if not subscription_id or not open_to_user:
        return subscription_id
    return admin_link(Subscription, subscription_id)


def figures(period: Period, currency: str) -> dict[str, Any]:
    """What the page shows of one currency."""
    before, year_before = period.before(), period.year_before()
    first_day = first_recurring_day(currency)
    calendar = last_months(period)
    now, then, last_year, *by_month = recurring([period, before, year_before, *calendar], currency)
    months = [
        (month, totals)
        for month, totals in zip(calendar, by_month, strict=True)
        if first_day is not None and month.last >= first_day
    ]
    comparable = period.comparable(first_day)

    def url(key: str) -> str:
        return rows_of(key, period.query, currency)

    def line(kpi: Kpi[Recurring]) -> Line:
        return Line(
            kpi,
            kpi.compute(now),
            url(kpi.key),
            change(kpi, then, now) if comparable.before else None,
            change(kpi, last_year, now) if comparable.year else None,
        )

    lines = {kpi.key: line(kpi) for kpi in SUBSCRIPTIONS}
    eve = Window(period.first - DAY, period.first - DAY)
    moving = [
        Moving(
            name,
            KPIS[f"mrr_{kind}"],
            sign * getattr(now, f"{kind}_minor"),
            getattr(now, f"{kind}_customers"),
            url(f"mrr_{kind}"),
        )
        for kind, name, sign in KINDS
    ]
    chart = waterfall(
        "waterfall",
        f"What moved MRR, {period.label}, in {currency.upper()}",
        [
            Step("Opening", now.opening_minor, total=True),
            *(Step(one.name, one.amount_minor) for one in moving),
            Step("Closing", now.mrr_minor, total=True),
        ],
        currency,
    )
    bars = columns(
        "months",
        f"MRR at the end of each month in {currency.upper()}",
        [
            Month(month.first, totals.mrr_minor, "so far" if month.last >= period.today else "")
            for month, totals in months
        ],
        currency,
    )
    return {
        "first_day": first_day,
        "comparable": comparable,
        "now": now,
        "tiles": [lines[key] for key in TILES],
        "lines": list(lines.values()),
        "moving": moving,
        "mrr": lines["mrr"],
        "chart": chart,
        "bars": bars,
        "of_a_month": OF_A_MONTH,
        "months": [
            (
                month,
                [
                    (kpi, kpi.compute(totals), rows_of(kpi.key, month.query, currency))
                    for kpi in OF_A_MONTH
                ],
            )
            for month, totals in months
        ],
        "opening": rows_of("mrr", eve.query, currency),
        "opening_subscribers": rows_of("subscribers", eve.query, currency),
        "subscribers": lines["subscribers"],
        "all_moved": url("net_new_mrr"),
    }


def retention(period: Period, currency: str, kpi: Kpi[Cohort]) -> dict[str, Any]:
    """What the page shows of the cohorts, by one of their figures."""

    def address(one: Kpi[Cohort]) -> str:
        more = {} if one is COHORTS[0] else {"cohorts": one.key}
        return query_of(period.query, currency, more)

    return {
        "retention": kpi,
        "retentions": [(one, address(one)) for one in COHORTS],
        "cohorts": [line(period, currency, row, kpi) for row in cohorts(currency, period.last)],
        "ages": range(MOST),
    }


def line(period: Period, currency: str, row: CohortRow, kpi: Kpi[Cohort]) -> CohortLine:
    """A cohort by the months since it began."""
    month = period.today.replace(day=1)
    cells: list[Cell | None] = [
        cell(currency, row, at, left, kpi, so_far=at == month) for at, left in row.months.items()
    ]
    url = rows_of("mrr_new", month_query(row.first), currency)
    return CohortLine(row, url, cells + [None] * (MOST - len(cells)))


def cell(
    currency: str, row: CohortRow, month: date, left: Cohort, kpi: Kpi[Cohort], *, so_far: bool
) -> Cell:
    """What was left of the cohort when the month ended."""
    share = kpi.compute(left)
    minor = {"gross_mrr_retention": left.gross_minor, "net_mrr_retention": left.net_minor}
    amount = KPIS["mrr"].number(minor.get(kpi.key, 0), currency)
    customers = f"{left.retained} of {left.customers} customers"
    return Cell(
        share=kpi.number(share, currency),
        of=f"{amount} {currency.upper()}" if kpi.key in minor else customers,
        url=rows_of_cohort(kpi, row.first, month, currency),
        shade=0 if share is None else min(int(share * SHADES), SHADES),
        so_far=so_far,
    )


def change(kpi: Kpi[Recurring], before: Recurring, now: Recurring) -> Change | None:
    """The figure against what it was; None where either is undefined."""
    was, value = kpi.compute(before), kpi.compute(now)
    return None if was is None or value is None else Change(kpi, was, value - was)
