"""What the figures mean."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analyticsapp.kpis import ALL
from analyticsapp.selectors.freshness import freshness
from analyticsapp.views.page import VIEW
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot


@require_safe
@requires(VIEW)
@from_one_snapshot
def definitions(request: HttpRequest) -> HttpResponse:
    """What every figure means, as the registry has it."""
    return render(
        request,
        "analytics/definitions.html",
        {
            "section": "kpis",
            "kpis": ALL,
            "freshness": freshness(timezone.now()),
            "time_zone": settings.REPORTING_TIME_ZONE,
        },
    )
