"""Which days are reconciled, in which time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from analyticsapp.days import DAY, bounds, reporting_zone

# Stripe's reports are of UTC days unless asked otherwise.
DEFAULT_ZONE = "UTC"
DEFAULT_DAYS = 7
# What one statement reads, so what a page shows; the command takes more, piece by piece.
DAYS_A_STATEMENT = 31
MOST_DAYS = 366


class BadPeriod(ValueError):
    """Not a period that can be reconciled; the message says why."""


@dataclass(frozen=True)
class Period:
    """Whole days of a time zone, both ends included."""

    first: date
    last: date
    zone: ZoneInfo

    @cached_property
    def days(self) -> list[date]:
        return [self.first + n * DAY for n in range((self.last - self.first).days + 1)]

    @cached_property
    def starts(self) -> list[datetime]:
        """The first instant of each day, and of the day after them, in UTC."""
        return [*(bounds(day, self.zone)[0] for day in self.days), bounds(self.last, self.zone)[1]]

    @cached_property
    def comparable(self) -> bool:
        """Whether its days are those of the snapshots, which are of ``REPORTING_TIME_ZONE``."""
        return all(bounds(day, self.zone) == bounds(day) for day in self.days)

    def pieces(self) -> Iterator[Period]:
        """The period in parts that one statement reads."""
        for n in range(0, len(self.days), DAYS_A_STATEMENT):
            days = self.days[n : n + DAYS_A_STATEMENT]
            yield replace(self, first=days[0], last=days[-1])


def period(
    first: str,
    last: str,
    zone: str,
    *,
    now: datetime,
    most: int = MOST_DAYS,
    default: bool = False,
) -> Period:
    """The period from ``first`` to ``last`` (YYYY-MM-DD) in days of ``zone``.

    With ``default``, empty dates are the last days up to today, and one empty date is the other.

    Raises:
        BadPeriod: no such date or zone, the wrong way round, not begun yet, or too long.
    """
    zone = zone or DEFAULT_ZONE
    if zone not in available_timezones():
        raise BadPeriod(f"{zone[:64]!r} is no time zone such as UTC or Europe/Berlin.")
    in_zone = ZoneInfo(zone)
    today = now.astimezone(in_zone).date()
    if default and not (first or last):
        return Period(today - (DEFAULT_DAYS - 1) * DAY, today, in_zone)
    if default:
        first, last = first or last, last or first
    found = Period(_date(first), _date(last), in_zone)
    if found.first > found.last:
        raise BadPeriod(f"{found.first} is after {found.last}: the first day comes first.")
    if found.last > today:
        raise BadPeriod(f"{found.last} hasn’t begun yet in {zone}.")
    if (found.last - found.first).days >= most:
        raise BadPeriod(f"That is more than {most} days.")
    return found


def snapshots_zone() -> str:
    """The name of the zone whose days the snapshots are of."""
    return reporting_zone().key


def _date(text: str) -> date:
    try:
        found = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadPeriod(f"{text[:40]!r} is no date such as 2026-03-31.") from None
    if found.year < 2000:
        raise BadPeriod(f"{found} is before Stripe began.")
    return found
