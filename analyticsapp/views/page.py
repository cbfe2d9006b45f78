"""What the pages of figures have in common."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from analyticsapp.models import DirtyDay, DirtySubscriber
from analyticsapp.periods import Period, asked
from analyticsapp.selectors.freshness import freshness

VIEW = "analyticsapp.view_daysnapshot"


def head(
    request: HttpRequest, section: str, log: type[DirtyDay | DirtySubscriber] = DirtyDay
) -> tuple[Period, dict[str, Any]]:
    """The days that the address names, and the part of the context that every page of some days
    has: which these are or what is wrong with them, and how fresh the figures are."""
    now = timezone.now()
    period, problem = asked(request.GET, now)
    return period, {
        "section": section,
        "now": now,
        "period": period,
        "problem": problem,
        "freshness": freshness(now, log),
        "time_zone": settings.REPORTING_TIME_ZONE,
    }
