"""How old the figures are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists

from analyticsapp.models import DirtyDay, DirtySubscriber, SnapshotState
from analyticsapp.subscriptions.conventions import conventions

LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Freshness:
    """How far the figures can be relied on."""

    refreshed_at: datetime | None
    waiting: bool  # something has changed since
    anew: bool  # all of it: the time zone, or what recurs, is told otherwise than it was counted
    late: bool  # the refresh hasn't run for longer than it should


def freshness(now: datetime, log: type[DirtyDay | DirtySubscriber] = DirtyDay) -> Freshness:
    """What is known about how old the figures are; ``log`` holds what has changed since. One
    query."""
    waiting = Exists(log._default_manager.all())
    found = SnapshotState.objects.values_list(
        "refreshed_at", "time_zone", "conventions", waiting
    ).first()
    refreshed_at, time_zone, counted_by, is_waiting = found or (None, "", "", False)
    anew = refreshed_at is not None and (
        time_zone != settings.REPORTING_TIME_ZONE
        or (log is DirtySubscriber and counted_by != conventions().fingerprint())
    )
    return Freshness(
        refreshed_at=refreshed_at,
        waiting=is_waiting or anew,
        anew=anew,
        late=refreshed_at is None or now - refreshed_at > LATE,
    )
