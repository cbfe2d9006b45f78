"""Which days a page shows, as its address names them, and which days those are compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property
from typing import TypeVar

from analyticsapp.days import DAY, Window, beginning, day_of, months_later

PRESETS = (7, 30, 90)
DEFAULT_DAYS = 30
MOST_DAYS = 3_660
FIRST_YEAR = 2000
MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
QUARTER = re.compile(r"([0-9]{4})-Q([1-4])", re.IGNORECASE)


T = TypeVar("T")


class BadPeriod(ValueError):
    """Not a period that a page can show; the message says why."""


class Kind(Enum):
    DAYS = "days"  # so many up to today
    MONTH = "month"
    QUARTER = "quarter"
    RANGE = "range"  # from any day to any other

    @property
    def months(self) -> int:
        """How many calendar months one lasts; 0 where it isn't made of them."""
        return {Kind.MONTH: 1, Kind.QUARTER: 3}.get(self, 0)


@dataclass(frozen=True)
class Choice:
    """Another period that one can go to: its name, the address's query for it, and whether it is
    the one shown."""

    name: str
    query: str
    current: bool = False


@dataclass(frozen=True)
class Comparable:
    """Which of the periods that one is compared with have figures for all of their days: the one
    before, and the same days a year before."""

    before: bool
    year: bool

    def only(self, before: T | None, year_before: T | None) -> tuple[T | None, T | None]:
        """The figures of the two, None of one that isn't whole."""
        return before if self.before else None, year_before if self.year else None


@dataclass(frozen=True)
class Period(Window):
    """Whole days of ``REPORTING_TIME_ZONE``, both ends included.

    ``today`` is the day that isn't over when the period is asked for; no period ends after it, so
    this month is the part of it that has been.
    """

    today: date
    kind: Kind = Kind.RANGE

    @classmethod
    def of_days(cls, days: int, today: date) -> Period:
        """The ``days`` days up to and with ``today``."""
        window = Window.ending(today, days)
        return cls(window.first, window.last, today, Kind.DAYS)

    @classmethod
    def of_months(cls, kind: Kind, first: date, today: date) -> Period:
        """The month or quarter that begins on ``first``, or what of it has been."""
        return cls(first, min(months_later(first, kind.months) - DAY, today), today, kind)

    @property
    def so_far(self) -> bool:
        """Whether its last day isn't over."""
        return self.last >= self.today

    def part_of(self, month: Window, since: date) -> str:
        """What of a calendar month figures that began ``since`` cover, where ``month`` is what of
        it lies in the period; empty where that is all of it."""
        first = max(month.first, since)
        if month.last == self.today:
            return "so far"
        if first.day > 1:
            return f"from {first.day} {first:%b}"
        return "" if (month.last + DAY).day == 1 else f"to {month.last.day} {month.last:%b}"

    @property
    def key(self) -> str:
        """``30``, ``2026-10``, ``2026-Q3``; empty for a range."""
        if self.kind is Kind.DAYS:
            return str(len(self))
        if self.kind is Kind.MONTH:
            return f"{self.first:%Y-%m}"
        if self.kind is Kind.QUARTER:
            return f"{self.first:%Y}-Q{(self.first.month + 2) // 3}"
        return ""

    @property
    def label(self) -> str:
        """``30 days``, ``October 2026``, ``Q3 2026``, ``3 Aug – 9 Sep 2026``."""
        if self.kind is Kind.DAYS:
            return f"{len(self)} days"
        if self.kind is Kind.MONTH:
            return f"{self.first:%B %Y}"
        if self.kind is Kind.QUARTER:
            return f"Q{(self.first.month + 2) // 3} {self.first.year}"
        return self.dates

    @property
    def dates(self) -> str:
        """``3 Aug – 9 Sep 2026``; years where they differ, a day once."""
        first, last = self.first, self.last
        if first == last:
            return f"{last.day} {last:%b %Y}"
        year = "" if first.year == last.year else f" {first.year}"
        return f"{first.day} {first:%b}{year} – {last.day} {last:%b %Y}"

    @property
    def query(self) -> str:
        """The address's query that names it, without a question mark."""
        if self.kind is Kind.RANGE:
            return super().query
        return f"{self.kind.value}={self.key}"

    def before(self) -> Period:
        """The period before, of the same kind; before a part of a month or quarter as many days of
        the one before, at most all of them."""
        if not self.kind.months:
            return self._range(self.first - len(self) * DAY, self.first - DAY)
        first = months_later(self.first, -self.kind.months)
        whole = self._range(first, self.first - DAY)
        if self.last == months_later(self.first, self.kind.months) - DAY:
            return whole
        return self._range(first, min(whole.last, first + (self.last - self.first)))

    def year_before(self) -> Period:
        """The same days a year before: as many where so many days were asked for, else the same
        dates, whole months for whole months. The day before 29 February's is 28 February's."""
        last = _a_year_before(self.last)
        if self.kind is Kind.DAYS:
            return self._range(last - (len(self) - 1) * DAY, last)
        first = _a_year_before(self.first)
        if self.kind.months and self.last == months_later(self.first, self.kind.months) - DAY:
            last = months_later(first, self.kind.months) - DAY
        return self._range(first, last)

    def _range(self, first: date, last: date) -> Period:
        """Those days, as the month or quarter that they are if this is one."""
        whole = self.kind.months and last == months_later(first, self.kind.months) - DAY
        return Period(first, last, self.today, self.kind if whole else Kind.RANGE)

    def comparable(self, since: date | None) -> Comparable:
        """Which of the two lie whole within the time of figures, where these begin ``since``."""
        return Comparable(
            before=since is not None and since <= self.before().first,
            year=since is not None and since <= self.year_before().first,
        )

    @cached_property
    def earlier(self) -> Choice | None:
        """The whole period before; None where that is too early to be asked for."""
        if self.kind.months:
            first = months_later(self.first, -self.kind.months)
            found = Period.of_months(self.kind, first, self.today)
        else:
            found = self.before()
        return Choice(found.label, found.query) if found.first.year >= FIRST_YEAR else None

    @cached_property
    def later(self) -> Choice | None:
        """The period after, up to today at most; None where that hasn't begun."""
        if self.so_far:
            return None
        first = self.last + DAY
        if self.kind.months:
            found = Period.of_months(self.kind, first, self.today)
        else:
            last = min(self.last + len(self) * DAY, self.today)
            found = Period(first, last, self.today)
        return Choice(found.label, found.query)

    @cached_property
    def choices(self) -> list[tuple[str, list[Choice]]]:
        """What a page offers, in named groups: so many days, and the last two months and quarters
        with those that aren't over."""
        calendar = []
        for kind in (Kind.MONTH, Kind.QUARTER):
            current = beginning(self.today, kind.months)
            for first in (months_later(current, -kind.months), current):
                calendar.append(Period.of_months(kind, first, self.today))
        days = [Period.of_days(n, self.today) for n in PRESETS]
        return [
            ("Period", [self._choice(one) for one in days]),
            ("Months and quarters", [self._choice(one) for one in calendar]),
        ]

    def _choice(self, other: Period) -> Choice:
        name = f"{other.first:%b %Y}" if other.kind is Kind.MONTH else other.label
        return Choice(name, other.query, (other.kind, other.key) == (self.kind, self.key))


def period_of(query: Mapping[str, str], now: datetime) -> Period:
    """The period that ``query`` names: ``from`` and ``to`` (YYYY-MM-DD, one alone is that day),
    ``month`` (2026-10), ``quarter`` (2026-Q3) or ``days`` (7, 30, 90); 30 days if it names none.

    Raises:
        BadPeriod: no such day, month or quarter, the wrong way round, not begun yet, too early, or
            longer than ten years.
    """
    today = day_of(now)
    first, last = query.get("from", "").strip(), query.get("to", "").strip()
    if first or last:
        return _range(_date(first or last), _date(last or first), today)
    if month := query.get("month", "").strip():
        if not (found := MONTH.fullmatch(month)) or not 1 <= int(found[2]) <= 12:
            raise BadPeriod(f"{month[:40]!r} is no month such as 2026-10.")
        return _months(Kind.MONTH, int(found[1]), int(found[2]), today)
    if quarter := query.get("quarter", "").strip():
        if not (found := QUARTER.fullmatch(quarter)):
            raise BadPeriod(f"{quarter[:40]!r} is no quarter such as 2026-Q3.")
        return _months(Kind.QUARTER, int(found[1]), int(found[2]) * 3 - 2, today)
    days = query.get("days", "").strip() or str(DEFAULT_DAYS)
    if days not in {str(preset) for preset in PRESETS}:
        raise BadPeriod(f"{days[:40]!r} is not 7, 30 or 90 days; name a first and a last day.")
    return Period.of_days(int(days), today)


def asked(query: Mapping[str, str], now: datetime) -> tuple[Period, str]:
    """The period that ``query`` names, and nothing; or 30 days, and what is wrong with it."""
    try:
        return period_of(query, now), ""
    except BadPeriod as error:
        return period_of({}, now), str(error)


def _range(first: date, last: date, today: date) -> Period:
    if first > last:
        raise BadPeriod(f"{first} is after {last}: the first day comes first.")
    if last > today:
        raise BadPeriod(f"{last} hasn’t begun yet.")
    if first.year < FIRST_YEAR:
        raise BadPeriod(f"{first} is before Stripe began.")
    if (last - first).days >= MOST_DAYS:
        raise BadPeriod("That is more than ten years.")
    return Period(first, last, today)


def _months(kind: Kind, year: int, month: int, today: date) -> Period:
    if year < FIRST_YEAR:
        raise BadPeriod(f"{year} is before Stripe began.")
    first = date(year, month, 1)
    if first > today:
        raise BadPeriod(f"That {kind.value} hasn’t begun yet.")
    return Period.of_months(kind, first, today)


def _date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadPeriod(f"{text[:40]!r} is no date such as 2026-03-31.") from None


def _a_year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return day.replace(year=day.year - 1, day=28)
    return day.replace(year=day.year - 1)
