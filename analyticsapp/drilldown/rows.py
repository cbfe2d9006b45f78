"""The rows behind a figure: which they are, some of them at a time, and what all of them add up to.

A figure is one sum of rows, or one sum divided by another. Each sum is told by one query, which
gives what of a row a page shows and what the row adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection

from analyticsapp.days import QUARTER, Window, bounds
from analyticsapp.kpis import Kpi, Unit, Value, average

PAGE = 50
# The longest period whose rows are read at once: a quarter. Longer ones are shown by month.
MOST_DAYS = QUARTER


@dataclass(frozen=True)
class Part:
    """Rows that are summed, and by what.

    ``sql`` takes ``currency``, the days ``first`` and ``last``, and as ``start`` and ``end`` the
    UTC times between which they lie (the end excluded); of each of its ``days`` too, as ``starts``
    and ``ends``. It gives of each row the time ``at`` and a
    ``key`` (text), which together are unique; what it is in words (``kind``); the ``model`` and
    ``object_id`` (text) of the row whose page in the admin tells more; what to show of it
    (``label`` and ``detail``: text without personal data, as everyone who may see the figure may
    see its rows); and what it adds (``amount``). ``values`` are what else it takes.
    """

    name: str
    unit: Unit
    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Drilldown:
    """What a KPI's figure is made of: one part, one that is divided by another, or several of
    whose sums, and the days, ``combine`` makes the figure.

    ``figures`` gives the figures of windows as pages show them, with as many queries for many
    windows as for one. ``without_rows`` is what it is when no row counts. ``additive`` says whether
    the figures of months add up to that of a longer period, ``standing`` that it is how things
    stand at the end of the last day. Of a figure that is about one of many
    things, ``about`` says which, and ``named`` how addresses name it; ``shown_on`` names the page
    that it stands on, if that isn't its ledger's.
    """

    kpi: Kpi[Any]
    parts: tuple[Part, ...]
    figures: Callable[[Sequence[Window], str], list[Value | None]]
    without_rows: Value | None = 0
    additive: bool = True
    standing: bool = False
    about: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    shown_on: str = ""
    combine: Callable[[Sequence[int], Window], Value | None] | None = None

    def figure(self, window: Window, currency: str) -> Value | None:
        """The figure of one window as pages show it."""
        return self.figures([window], currency)[0]

    def value(self, sums: Sequence[Sum], window: Window) -> Value | None:
        """The figure that the parts' sums over the window come to, exactly."""
        if self.combine:
            return self.combine([one.amount for one in sums], window)
        if len(sums) == 1:
            return sums[0].amount if sums[0].rows else self.without_rows
        dividend, divisor = (one.amount for one in sums)
        if self.kpi.unit is Unit.MONEY:
            return average(dividend, divisor)
        return Fraction(dividend, divisor) if divisor > 0 else None


@dataclass(frozen=True)
class Sum:
    """How many rows a part has, and what they add up to."""

    rows: int
    amount: int


@dataclass(frozen=True)
class Row:
    """A row and what it adds."""

    at: datetime
    key: str
    kind: str
    model: str
    object_id: str
    label: str
    detail: str
    amount: int


COLUMNS = tuple(column.name for column in fields(Row))


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: after the one with this time and key."""

    at: datetime
    key: str


@dataclass(frozen=True)
class Page:
    """Some rows, the newest first, and whether there are newer and older ones."""

    rows: list[Row] = field(default_factory=list)
    newer: bool = False
    older: bool = False


def in_period(moment: str) -> str:
    """SQL for whether ``moment`` was in the period."""
    return f"{moment} >= %(start)s AND {moment} < %(end)s"


def total(part: Part, window: Window, currency: str) -> Sum:
    """What all rows of the part add up to. One query, over at most ``MOST_DAYS`` days."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), coalesce(sum(amount), 0)::bigint FROM ({part.sql}) AS rows",
            {**parameters(window, currency), **part.values},
        )
        rows, amount = cursor.fetchone()
    return Sum(rows, amount)


def page(
    part: Part,
    window: Window,
    currency: str,
    *,
    older_than: Cursor | None = None,
    newer_than: Cursor | None = None,
    limit: int = PAGE,
) -> Page:
    """``limit`` rows, those right before or right after a place if one is given. One query.

    ``at`` is bounded by itself too, so that an index on it alone leads to the place.
    """
    place = newer_than or older_than
    sign, order = (">", "ASC") if newer_than else ("<", "DESC")
    beyond = (
        f"WHERE at {sign}= %(place_at)s "
        f'AND (at, key COLLATE "C") {sign} (%(place_at)s, %(place_key)s)'
        if place
        else ""
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(COLUMNS)} FROM ({part.sql}) AS rows "
            f'{beyond} ORDER BY at {order}, key COLLATE "C" {order} LIMIT %(limit)s',
            {
                **parameters(window, currency),
                **part.values,
                "place_at": place.at if place else None,
                "place_key": place.key if place else None,
                "limit": limit + 1,
            },
        )
        found = [Row(*row) for row in cursor.fetchall()]
    more, rows = len(found) > limit, found[:limit]
    if newer_than:
        return Page(rows[::-1], newer=more, older=True)
    return Page(rows, newer=place is not None, older=more)


def parameters(window: Window, currency: str) -> dict[str, Any]:
    """What a part's query takes."""
    days = window.days()
    limits = [bounds(day) for day in days]
    return {
        "days": days,
        "starts": [start for start, _ in limits],
        "ends": [end for _, end in limits],
        "first": window.first,
        "last": window.last,
        "start": limits[0][0],
        "end": limits[-1][1],
        "currency": currency,
    }
