"""The page of what needs someone now: parse, authorise, read, render."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analyticsapp.selectors.freshness import freshness
from auditlog.access import requires_any
from auditlog.snapshot import from_one_snapshot
from monitoring.models import Issue
from monitoring.operations.exceptions import WORST_FIRST, Exceptions, exceptions, most_at_risk
from monitoring.operations.health import signs
from monitoring.operations.waiting import Waiting, disputes, refunds, to_fulfil
from monitoring.selectors import last_run_of_all, runs_overdue
from payments.admin.columns import list_url, may_open

# It is for those who run the day and for those who read how the business is doing. What single
# rows say is for those who may open them.
OPEN_TO = ("monitoring.view_issue", "analyticsapp.view_daysnapshot")


@require_safe
@requires_any(*OPEN_TO)
@from_one_snapshot
def operations(request: HttpRequest) -> HttpResponse:
    """Exceptions, refunds, disputes, fulfilment and ingestion, all as of now."""
    user = request.user
    now = timezone.now()
    run, fresh = last_run_of_all(), freshness(now)
    total, checks = exceptions()
    context: dict[str, Any] = {
        "section": "operations",
        "now": now,
        "time_zone": settings.REPORTING_TIME_ZONE,
        "freshness": fresh,
        "run": run,
        "overdue": runs_overdue(run, now),
        "severities": WORST_FIRST,
        "total": linked(total, request),
        "checks": [linked(one, request) for one in checks],
        "most": most_at_risk() if user.has_perm("monitoring.view_issue") else None,
        "may_open_issues": may_open(user, Issue),
        "panels": [
            ("fulfilment", "Orders to fulfil", "paid", lines(to_fulfil(now), request)),
            ("disputes", "Disputes to answer", "due", lines(disputes(now), request)),
            ("refunds", "Refunds", "oldest", lines(refunds(now), request)),
        ],
        "signs": [
            (sign, list_url(user, sign.model, **sign.query) if sign.model else "")
            for sign in signs(now, fresh, run)
        ],
    }
    return render(request, "monitoring/operations.html", context)


def linked(one: Exceptions, request: HttpRequest) -> dict[str, Any]:
    """The open issues of a check, or of all, with the lists that hold them."""
    only = {"check_name": one.check_name} if one.check_name else {}
    return {
        "one": one,
        "url": list_url(request.user, Issue, **only),
        "counts": [
            (count, list_url(request.user, Issue, **only, severity__exact=severity.value))
            for severity, count in one.by_severity
        ],
    }


def lines(found: list[Waiting], request: HttpRequest) -> list[tuple[Waiting, str]]:
    """Each with the list that holds its rows; empty for those who may not open it."""
    return [(one, list_url(request.user, one.model, **one.query)) for one in found]
