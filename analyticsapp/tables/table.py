"""A table of daily figures: which rows it sums, told once, from which all statements are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, models

from analyticsapp.days import DAY, QUARTER, Window, bounds, reporting_zone, stretches

# What ``any_day_at`` reads, as columns of a relation ``given``.
STRETCHES = "%(stretches)s::timestamptz[] AS stretches, %(stretch_days)s::date[] AS stretch_days"
# Every statement gets the days, and where they begin and end, as UTC times. They are read in runs
# without a gap, each source through an index, and a binary search puts every row into its day.
# A run's bounds stand in the statement as they are: Postgres then knows how many rows to expect.
GIVEN = f"""
given AS MATERIALIZED (
    SELECT %(days)s::date[] AS days, %(starts)s::timestamptz[] AS starts, {STRETCHES}
),
runs AS NOT MATERIALIZED (
    SELECT * FROM (VALUES {{runs}}) AS run (starts, ends)
)
"""
# SQL and its parameters.
Statement = tuple[str, dict[str, Any]]
# How many days before its last one the longest window begins.
REACH = QUARTER - 1


@dataclass(frozen=True)
class Source:
    """Rows that are summed: a query over one of ``runs`` that gives the keys, the measures, and as
    ``n`` the place of the row's day, which ``day_at`` writes."""

    sql: str
    measures: tuple[str, ...]


def in_run(moment: str) -> str:
    """SQL for whether ``moment`` was in the run of days."""
    return f"{moment} >= runs.starts AND {moment} < runs.ends"


def day_at(moment: str) -> str:
    """SQL for the place, among the given days, of the day on which ``moment`` was."""
    return f"width_bucket({moment}, given.starts)"


def any_day_at(moment: str) -> str:
    """SQL for the day on which ``moment`` was, whether or not it is among the given ones; null of
    null."""
    place = f"greatest(width_bucket({moment}, given.stretches), 1)"
    since = f"extract(epoch FROM {moment} - given.stretches[{place}])"
    return (
        f"CASE WHEN {moment} IS NOT NULL THEN "
        f"least(given.stretch_days[{place}] + floor({since} / 86400)::int, "
        f"given.stretch_days[{place} + 1] - 1) END"
    )


@dataclass(frozen=True)
class SnapshotTable:
    """Sums by day and ``keys`` of everything that the sources give, kept in ``model``.

    ``adds_up`` says whether the main measure of several days is the sum of theirs.
    """

    model: type[models.Model]
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    sources: tuple[Source, ...]
    adds_up: bool = True

    def __post_init__(self) -> None:
        given = {name for source in self.sources for name in source.measures}
        assert not self.sources or given == set(self.measures), given ^ set(self.measures)

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys' columns, the day's among them."""
        return ("day", *self.keys)

    @property
    def fresh(self) -> str:
        """SQL of the rows as they should be on the given days."""
        parts = " UNION ALL ".join(
            f"SELECT given.days[found.n] AS day, {_list(self.keys, 'found')}, "
            + ", ".join(
                f"found.{name}" if name in source.measures else f"0 AS {name}"
                for name in self.measures
            )
            + f" FROM given CROSS JOIN runs CROSS JOIN LATERAL ({source.sql}) AS found"
            for source in self.sources
        )
        sums = ", ".join(f"sum({name})::bigint AS {name}" for name in self.measures)
        keys = ", ".join(self.columns)
        return f"SELECT {keys}, {sums} FROM ({parts}) AS facts GROUP BY {keys}"

    def touched(self, days: list[date], until: date) -> list[date]:
        """The days whose rows may differ when what happened on ``days`` did, in order."""
        return days

    def count(self, days: Sequence[date], now: datetime) -> Statement:
        """The statement that brings these days up to date and touches only what differs."""
        given, parameters = given_days(days)
        keys, measures = ", ".join(self.columns), ", ".join(self.measures)
        sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*self.measures, "built_at"))
        sql = f"""
WITH {given}, fresh AS MATERIALIZED ({self.fresh}),
vanished AS (
    DELETE FROM {self.name} AS old
    WHERE old.day = ANY (%(days)s::date[])
        AND NOT EXISTS (SELECT FROM fresh WHERE {self._same("fresh")})
)
INSERT INTO {self.name} AS old ({keys}, {measures}, built_at)
SELECT {keys}, {measures}, %(now)s FROM fresh
-- Even a conflict that changes nothing writes a lock on its row.
WHERE NOT EXISTS (
    SELECT FROM {self.name} AS old
    WHERE old.day = ANY (%(days)s::date[]) AND {self._same("fresh")}
        AND ({_list(self.measures, "old")}) = ({_list(self.measures, "fresh")})
)
ON CONFLICT ({keys}) DO UPDATE SET {sets}
WHERE ({_list(self.measures, "old")}) IS DISTINCT FROM ({_list(self.measures, "EXCLUDED")})
"""
        return sql, {**parameters, "now": now}

    def differing(self, days: Sequence[date]) -> Statement:
        """The query for the rows of these days that differ from what they sum: the keys, and each
        measure as it ``is`` (null: there is no row) and as it ``should`` be."""
        given, parameters = given_days(days)
        keys = ", ".join(f"coalesce(fresh.{name}, old.{name}) AS {name}" for name in self.columns)
        both = ", ".join(
            f"old.{name} AS is_{name}, fresh.{name} AS should_{name}" for name in self.measures
        )
        sql = f"""
WITH {given}, fresh AS MATERIALIZED ({self.fresh})
SELECT {keys}, {both}
FROM fresh FULL JOIN (
    SELECT * FROM {self.name} WHERE day = ANY (%(days)s::date[])
) AS old ON {self._same("fresh")}
WHERE ({_list(self.measures, "old")}) IS DISTINCT FROM ({_list(self.measures, "fresh")})
"""
        return sql, parameters

    def _same(self, other: str) -> str:
        fields = [self.model._meta.get_field(name.removesuffix("_id")) for name in self.columns]
        if any(field.null for field in fields):
            # As text, null is like null. IS NOT DISTINCT FROM can't be hashed, and of several
            # conditions Postgres may join by some and look at every pair that fulfils these.
            return (
                f"ROW({_list(self.columns, 'old')})::text = ROW({_list(self.columns, other)})::text"
            )
        return " AND ".join(f"old.{name} = {other}.{name}" for name in self.columns)


def _list(names: Sequence[str], of: str) -> str:
    return ", ".join(f"{of}.{name}" for name in names)


def stretch_parameters() -> dict[str, Any]:
    """What ``STRETCHES`` takes."""
    starts, days = stretches(reporting_zone())
    return {"stretches": starts, "stretch_days": days}


def given_days(days: Sequence[date]) -> Statement:
    """The common table expressions that all statements begin with, and what they take, for these
    days: in order, and one at least.

    The ``wide`` ones reach back as far as the longest window does.
    """
    given = [(day, *bounds(day)) for day in days]
    runs: list[tuple[datetime, datetime]] = []
    for _, start, end in given:
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    first = max(days[0], date.min + REACH * DAY) - REACH * DAY
    wide = Window(first, days[-1]).days()
    wide_starts = [bounds(day)[0] for day in wide]
    bounds_of_runs = {
        f"{side}_{n}": moment
        for n, run in enumerate(runs)
        for side, moment in zip(("start", "end"), run, strict=True)
    }
    values = ", ".join(
        f"(%(start_{n})s::timestamptz, %(end_{n})s::timestamptz)" for n, _ in enumerate(runs)
    )
    return GIVEN.format(runs=values), {
        **bounds_of_runs,
        **stretch_parameters(),
        "wide_days": wide,
        "wide_starts": wide_starts,
        "wide_start": wide_starts[0],
        "wide_end": given[-1][2],
        "days": list(days),
        "starts": [start for _, start, _ in given],
    }


def count(table: SnapshotTable, days: Sequence[date], now: datetime) -> None:
    """Bring the table's rows of these days up to date. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(*table.count(days, now))
