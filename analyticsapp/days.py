"""Days as the business counts them: days of ``REPORTING_TIME_ZONE``.

Their bounds are computed here and handed to SQL as UTC times, so that indexes on time columns
serve, and Postgres needn't know the zone's rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings

DAY = timedelta(days=1)
QUARTER = 92  # days of the longest one
YEAR_AND_MONTH = 13  # months: the last one, and back to the same of a year before


def reporting_zone() -> ZoneInfo:
    """The zone whose days all figures are of."""
    return ZoneInfo(settings.REPORTING_TIME_ZONE)


def day_of(moment: datetime) -> date:
    """The day on which ``moment`` was."""
    try:
        return moment.astimezone(reporting_zone()).date()
    except OverflowError:  # a few hours from the end of the calendar; nothing may stop on it
        return moment.date()


def bounds(day: date, zone: ZoneInfo | None = None) -> tuple[datetime, datetime]:
    """The first instant of ``day`` and of the day after, in UTC: 23 to 25 hours apart.

    A day of ``REPORTING_TIME_ZONE`` unless another ``zone`` is given. A midnight that clocks skip
    or repeat is taken at its first instant.
    """
    zone = zone or reporting_zone()
    if day == date.max:
        return _start(day, zone), datetime.max.replace(tzinfo=UTC)
    return _start(day, zone), _start(day + DAY, zone)


def _start(day: date, zone: ZoneInfo) -> datetime:
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)


def months_later(first: date, months: int) -> date:
    """The first day of the month so many months after the one that begins on ``first``."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def beginning(day: date, months: int) -> date:
    """The first day of the month, or with 3 ``months`` of the quarter, that ``day`` is in."""
    return day.replace(month=day.month - (day.month - 1) % months, day=1)


WEEK = 7 * DAY
# Stripe's times are seconds since 1970. From 2100 on, days are taken to be of one length.
ALL_DAYS = (date(1970, 1, 1), date(2100, 1, 1))


@lru_cache(maxsize=8)
def stretches(zone: ZoneInfo) -> tuple[list[datetime], list[date]]:
    """First instants and first days of the stretches of time in which every day but the last has
    24 hours; so that which day a moment is on can be told anywhere, without a list of all days."""
    starts, days = [bounds(ALL_DAYS[0], zone)[0]], [ALL_DAYS[0]]
    week, start = ALL_DAYS[0], starts[0]
    while week < ALL_DAYS[1]:
        after, end = week + WEEK, bounds(week + WEEK, zone)[0]
        if end - start != WEEK:
            before = start
            for day in (week + n * DAY for n in range(1, 8)):
                instant = bounds(day, zone)[0]
                if instant - before != DAY:
                    starts.append(instant)
                    days.append(day)
                before = instant
        week, start = after, end
    return starts, days


@dataclass(frozen=True)
class Window:
    """Whole days, both ends included."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, days: int) -> Window:
        """The ``days`` days up to and with ``last``."""
        return cls(last - (days - 1) * DAY, last)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    @property
    def query(self) -> str:
        """The address's query that names them, without a question mark."""
        return urlencode({"from": str(self.first), "to": str(self.last)})

    def days(self) -> list[date]:
        """Its days in order."""
        return [self.first + n * DAY for n in range(len(self))]

    def months(self) -> list[Window]:
        """Its months in order, of the first and the last what lies within."""
        parts = []
        first = self.first
        while first <= self.last:
            after = months_later(first.replace(day=1), 1)
            parts.append(Window(first, min(after - DAY, self.last)))
            first = after
        return parts

    def before(self) -> Window:
        """As many days, right before these."""
        return Window.ending(self.first - DAY, len(self))
