"""The clock of the demo's past: while it is turned back, whatever is done is done then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.utils import timezone


class Clock:
    """Stands at the moment that it was set to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def set(self, at: int) -> datetime:
        """Set it to a time (Unix seconds), as an aware one; return that."""
        self.moment = datetime.fromtimestamp(at, UTC)
        return self.moment


@contextmanager
def turned_back(moment: datetime) -> Iterator[Clock]:
    """Have ``timezone.now()`` say ``moment``, and what the clock is set to afterwards.

    The services that people's buttons call date what they do by it, and an act of last spring must
    be dated so. For a process that does nothing else: it holds for all its threads.
    """
    real, clock = timezone.now, Clock(moment - timedelta(microseconds=moment.microsecond))
    timezone.now = clock
    try:
        yield clock
    finally:
        timezone.now = real
