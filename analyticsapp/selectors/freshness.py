"""How old the figures are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from analyticsapp.models import DirtyDay, SnapshotState

LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Freshness:
    """How far the figures can be relied on."""

    refreshed_at: datetime | None
    waiting: bool  # days have changed since
    late: bool  # the refresh hasn't run for longer than it should


def freshness(now: datetime) -> Freshness:
    """What is known about how old the figures are. Two queries."""
    state = SnapshotState.objects.first()
    refreshed_at = state.refreshed_at if state else None
    return Freshness(
        refreshed_at=refreshed_at,
        waiting=DirtyDay.objects.exists(),
        late=refreshed_at is None or now - refreshed_at > LATE,
    )
