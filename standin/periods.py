"""Billing periods: the same day of a later month, clipped to that month's length."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from .clock import DAY


def add_interval(start: int, interval: str, count: int = 1, anchor: int | None = None) -> int:
    """``start`` and ``count`` intervals; ``anchor`` keeps the 31st after a short month."""
    if interval == "day":
        return start + count * DAY
    if interval == "week":
        return start + 7 * count * DAY
    months = count * (12 if interval == "year" else 1)
    at = datetime.fromtimestamp(start, UTC)
    day = datetime.fromtimestamp(anchor, UTC).day if anchor is not None else at.day
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return int(at.replace(year=year, month=month + 1, day=min(day, last)).timestamp())
