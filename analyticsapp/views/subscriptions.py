"""The page of subscriptions: what recurs, what moved it, and how long customers stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from analyticsapp.drilldown import DRILLDOWNS
from analyticsapp.kpis import KPIS, SUBSCRIPTIONS, Kpi, Recurring, Unit, Value
from analyticsapp.models import DirtySubscriber
from analyticsapp.periods import Period, asked
from analyticsapp.selectors.figures import Change
from analyticsapp.selectors.freshness import freshness
from analyticsapp.selectors.subscriptions import (
    COHORTS,
    LATEST,
    cohorts,
    first_recurring_day,
    latest_movements,
    recurring,
    recurring_currencies,
)
from analyticsapp.subscriptions.conventions import conventions
from analyticsapp.waterfall import Step, waterfall
from auditlog.access import requires
from payments.admin.columns import admin_link, may_open
from payments.models import Subscription

TILES = ("mrr", "subscribers", "arpa", "gross_mrr_churn", "customer_churn")
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
    """A figure, the address of its rows (empty: it has none), and its changes, None where there
    is nothing to compare with."""

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


@require_safe
@requires("analyticsapp.view_daysnapshot")
def subscriptions(request: HttpRequest) -> HttpResponse:
    """What recurs: ``?month=2026-10&currency=eur``."""
    now = timezone.now()
    period, problem = asked(request.GET, now)
    names = recurring_currencies()
    currency = request.GET.get("currency", "").lower()
    if currency not in names:
        currency = next(iter(names), "")
    context: dict[str, Any] = {
        "section": "subscriptions",
        "period": period,
        "problem": problem,
        "currency": currency,
        "currencies": names,
        "freshness": freshness(now, DirtySubscriber),
        "time_zone": settings.REPORTING_TIME_ZONE,
    }
    if currency:
        rules = conventions()
        context |= figures(period, currency)
        context |= {
            "moved": [
                (one.movement, named(one.subscription_id, may_open(request.user, Subscription)))
                for one in latest_movements(period, currency)
            ],
            "latest": LATEST,
            "rules": rules,
            "statuses": sorted(rules.statuses),
            "counts_trials": "trialing" in rules.statuses,
            "share_unit": Unit.SHARE,
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
    now, then, last_year = recurring([period, before, year_before], currency)
    comparable = {
        "before": first_day is not None and first_day <= before.first,
        "year": first_day is not None and first_day <= year_before.first,
    }

    def url(key: str) -> str:
        if key not in DRILLDOWNS:
            return ""
        query = urlencode({"currency": currency})
        return f"{reverse('rows', args=[key])}?{period.query}&{query}"

    def line(kpi: Kpi[Recurring]) -> Line:
        return Line(
            kpi,
            kpi.compute(now),
            url(kpi.key),
            change(kpi, then, now) if comparable["before"] else None,
            change(kpi, last_year, now) if comparable["year"] else None,
        )

    lines = {kpi.key: line(kpi) for kpi in SUBSCRIPTIONS}
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
    found = cohorts(period.last, currency)
    ages = max((len(cohort.kept) for cohort in found), default=0)
    return {
        "first_day": first_day,
        "comparable": comparable,
        "now": now,
        "tiles": [lines[key] for key in TILES],
        "lines": list(lines.values()),
        "moving": moving,
        "mrr": lines["mrr"],
        "chart": chart,
        "cohorts": [(cohort, range(ages - len(cohort.kept))) for cohort in found],
        "ages": range(ages),
        "cohort_months": COHORTS,
    }


def change(kpi: Kpi[Recurring], before: Recurring, now: Recurring) -> Change | None:
    """The figure against what it was; None where either is undefined."""
    was, value = kpi.compute(before), kpi.compute(now)
    return None if was is None or value is None else Change(kpi, was, value - was)
