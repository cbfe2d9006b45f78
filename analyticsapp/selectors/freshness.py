"""How old the figures are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists

from analyticsapp.models import DirtyDay, DirtySubscriber, SnapshotState

LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Freshness:
    """How far the figures can be relied on."""

    refreshed_at: datetime | None
    waiting: bool  # something has changed since
    late: bool  # the refresh hasn't run for longer than it should


def freshness(now: datetime, log: type[DirtyDay | DirtySubscriber] = DirtyDay) -> Freshness:
    """What is known about how old the figures are; ``log`` holds what has changed since. One
    query."""
    waiting = Exists(log._default_manager.all())
    found = SnapshotState.objects.values_list("refreshed_at", waiting).first()
    refreshed_at, is_waiting = found or (None, False)
    return Freshness(
        refreshed_at=refreshed_at,
        waiting=is_waiting,
        late=refreshed_at is None or now - refreshed_at > LATE,
    )
