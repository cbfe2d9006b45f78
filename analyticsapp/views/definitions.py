"""What the figures mean."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analyticsapp.kpis import ALL
from analyticsapp.selectors.freshness import freshness


@require_safe
@login_required
@permission_required("analyticsapp.view_daysnapshot", raise_exception=True)
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
