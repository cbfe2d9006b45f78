"""The executive's page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analyticsapp.charts import Point, sparkline, trend
from analyticsapp.kpis import BOARD, KPIS
from analyticsapp.selectors.executive import DEFAULT_WINDOW, WINDOWS, Dashboard, dashboard
from analyticsapp.selectors.freshness import freshness
from auditlog.access import requires


@require_safe
@requires("analyticsapp.view_daysnapshot")
def executive(request: HttpRequest) -> HttpResponse:
    """The business at a glance: ``?days=7|30|90&currency=eur``; anything else is the default."""
    now = timezone.now()
    days = {str(n): n for n in WINDOWS}.get(request.GET.get("days", ""), DEFAULT_WINDOW)
    board = dashboard(days, request.GET.get("currency", "").lower(), now)
    context: dict[str, Any] = {
        "section": "dashboard",
        "board": board,
        "days": days,
        "windows": WINDOWS,
        "freshness": freshness(now),
        "time_zone": settings.REPORTING_TIME_ZONE,
        "kpis": BOARD,
    }
    if board:
        context["chart"] = trend(
            "trend",
            f"Net sales a day in {board.currency.upper()}",
            _points(board, "net_sales"),
            board.currency,
            today=board.today,
        )
        context["tiles"] = [
            (figure, sparkline(_finished(board, figure.kpi.key))) for figure in board.figures
        ]
    return render(request, "analytics/executive.html", context)


def _finished(board: Dashboard, key: str) -> list[int | None]:
    """The KPI of each day that is over: an unfinished one would end every small line in a dip."""
    values = (row.value(key) for row in board.days if row.day != board.today)
    return [None if value is None else round(value) for value in values]


def _points(board: Dashboard, key: str) -> list[Point]:
    compute = KPIS[key].compute
    return [
        Point(
            day=row.day,
            value=round(compute(row.totals) or 0),
            before=round(compute(row.before) or 0) if board.comparable else None,
            day_before=row.day_before,
        )
        for row in board.days
    ]
