"""Whether what Stripe says arrives and becomes orders and figures. Through indexes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Model

from analyticsapp.selectors.freshness import Freshness
from monitoring.models import BackgroundJob, CheckRun
from monitoring.selectors import runs_overdue
from payments.backlog import backlog
from payments.models import ReadRequest, StripeEvent, SyncCursor

# A worker takes seconds; a quarter of an hour is when the check stuck_events speaks.
WAITS_AT_MOST = timedelta(minutes=15)
# Stripe's events are listed every quarter of an hour.
SYNCED_WITHIN = timedelta(hours=1)
EVENT_LISTS = ("events", "events:recent", "events:since")


@dataclass(frozen=True)
class Sign:
    """One thing that tells how ingestion is: a count or a moment, or what there is instead.

    ``model`` and ``query`` name the admin's list that holds the rows, where there is one.
    """

    label: str
    count: int | None = None
    at: datetime | None = None
    moment: str = ""  # what ``at`` is, beside a count
    note: str = ""
    bad: bool = False
    model: type[Model] | None = None
    query: dict[str, str] = field(default_factory=dict)


def signs(now: datetime, freshness: Freshness, run: CheckRun | None) -> list[Sign]:
    """All of them, in the order in which what Stripe says goes. Seven statements."""
    return [
        last_received(),
        waiting(now),
        dead(),
        to_read(now),
        synced(now),
        jobs(),
        snapshots(freshness),
        checks(run, now),
    ]


def last_received() -> Sign:
    newest = (
        StripeEvent.objects.order_by("-received_at").values_list("received_at", "source").first()
    )
    if newest is None:
        return Sign("Last received", note="nothing yet", model=StripeEvent)
    at, source = newest
    return Sign("Last received", at=at, note=f"by {source}", model=StripeEvent)


def waiting(now: datetime) -> Sign:
    rows = backlog(StripeEvent.objects.filter(status__in=StripeEvent.OPEN), since="received_at")
    return Sign(
        "Events waiting",
        count=rows.count,
        at=rows.oldest,
        moment="oldest received",
        bad=rows.oldest is not None and rows.oldest < now - WAITS_AT_MOST,
        model=StripeEvent,
        query={"status": "open"},
    )


def dead() -> Sign:
    rows = backlog(StripeEvent.objects.filter(status=StripeEvent.Status.DEAD), since="received_at")
    return Sign(
        "Events dead",
        count=rows.count,
        at=rows.oldest,
        moment="oldest received",
        bad=bool(rows.count),
        model=StripeEvent,
        query={"status": "dead"},
    )


def to_read(now: datetime) -> Sign:
    rows = backlog(ReadRequest.objects.all(), since="created_at")
    return Sign(
        "Objects to read from Stripe",
        count=rows.count,
        at=rows.oldest,
        moment="oldest asked",
        bad=rows.oldest is not None and rows.oldest < now - SYNCED_WITHIN,
        model=ReadRequest,
    )


def synced(now: datetime) -> Sign:
    """When Stripe's list of events was last read to its end."""
    lists = list(SyncCursor.objects.filter(resource__in=EVENT_LISTS))
    ended = max((one.finished_at for one in lists if one.finished_at), default=None)
    newest = max(lists, key=lambda one: one.started_at, default=None)
    if newest and newest.error:
        note = "the last try failed"
    elif ended is None:
        note = "never" if settings.STRIPE_API_KEY else "never: there is no STRIPE_API_KEY"
    else:
        note = ""
    return Sign(
        "Events last listed",
        at=ended,
        note=note,
        bad=bool(note) or (ended is not None and ended < now - SYNCED_WITHIN),
        model=SyncCursor,
    )


def jobs() -> Sign:
    failed = BackgroundJob.objects.filter(status="failed").count()
    return Sign(
        "Jobs failed",
        count=failed,
        bad=bool(failed),
        model=BackgroundJob,
        query={"status": "failed"},
    )


def snapshots(freshness: Freshness) -> Sign:
    if freshness.refreshed_at is None:
        return Sign("Figures as of", note="not counted yet", bad=True)
    note = "days are waiting to be counted" if freshness.waiting else ""
    return Sign("Figures as of", at=freshness.refreshed_at, note=note, bad=freshness.late)


def checks(run: CheckRun | None, now: datetime) -> Sign:
    if run is None:
        return Sign("Checks last run", note="never", bad=True, model=CheckRun)
    crashed = f"{run.crashed} could not run" if run.crashed else ""
    return Sign(
        "Checks last run",
        at=run.finished_at,
        note=crashed,
        bad=bool(run.crashed) or runs_overdue(run, now),
        model=CheckRun,
    )
