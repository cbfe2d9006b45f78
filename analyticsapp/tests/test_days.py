"""Days of the reporting zone: clock changes, odd midnights, a change of the zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DataError, connection
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.checks import differing_days, postgres_has_the_same_days
from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.exports import Scope
from analyticsapp.models import DaySnapshot, SnapshotState
from analyticsapp.services import snapshots
from analyticsapp.tables.table import any_day_at, given_days
from analyticsapp.tests.files import rows
from analyticsapp.tests.shop import at, charge, figures, net, refund, transaction

pytestmark = pytest.mark.django_db


def test_days_are_the_reporting_zones(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    charge(100, at(3, 22, 59))
    charge(200, at(3, 23, 0))  # midnight in Berlin
    snapshots.refresh()
    assert [net(3), net(4)] == [100, 200]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 24), 24)],
)
def test_days_of_clock_changes_have_their_own_length(settings: Any, day: date, hours: int) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    start, end = bounds(day)
    assert (end - start).total_seconds() == hours * 3600
    charge(1, start)
    charge(2, end - timedelta(microseconds=1))
    charge(4, end)
    charge(8, start - timedelta(microseconds=1))
    snapshots.refresh()
    assert DaySnapshot.objects.get(day=day).gross_minor == 3


@pytest.mark.parametrize(
    "zone", ["America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "UTC"]
)
@given(day=st.dates(date(2005, 1, 1), date(2030, 1, 1)))
def test_days_cover_time_without_gap_or_overlap(zone: str, day: date) -> None:
    """Midnights that are skipped (São Paulo), repeated (Havana); a day that never was (Apia)."""
    with override_settings(REPORTING_TIME_ZONE=zone):
        start, end = bounds(day)
        assert start == bounds(day - DAY)[1]
        assert start <= end
        if start < end:
            assert day_of(start) == day
            assert day_of(end - timedelta(microseconds=1)) == day


@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_the_ends_of_the_calendar_stop_nothing(settings: Any, moment: datetime, zone: str) -> None:
    settings.REPORTING_TIME_ZONE = zone
    start, end = bounds(day_of(moment))
    assert start < end


def test_a_change_of_the_reporting_zone_counts_every_day_anew(settings: Any) -> None:
    charge(100, at(3, 23, 30))
    snapshots.refresh()
    assert net(3) == 100
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    snapshots.refresh()
    assert figures().keys() == {(date(2026, 11, 4), "eur")}
    assert SnapshotState.objects.get().time_zone == "Europe/Berlin"
    assert not snapshots.refresh()


def test_a_window_has_months_and_parts_of_them_at_its_ends() -> None:
    assert Window(date(2025, 11, 20), date(2026, 2, 3)).months() == [
        Window(date(2025, 11, 20), date(2025, 11, 30)),
        Window(date(2025, 12, 1), date(2025, 12, 31)),
        Window(date(2026, 1, 1), date(2026, 1, 31)),
        Window(date(2026, 2, 1), date(2026, 2, 3)),
    ]


@given(
    zone=st.sampled_from(
        [
            "UTC",
            "Europe/Berlin",
            "America/Havana",  # clocks change at midnight
            "America/St_Johns",  # once a minute after it
            "Africa/Casablanca",  # back and forth within a month
            "Pacific/Apia",  # 30 December 2011 was left out
        ]
    ),
    moments=st.lists(
        st.integers(10**8, 4 * 10**9).map(lambda unix: datetime.fromtimestamp(unix, UTC))
        | st.sampled_from(
            [
                datetime(2026, 3, 29, 1, tzinfo=UTC),
                datetime(2026, 10, 25, 22, 30, tzinfo=UTC),
                datetime(2026, 11, 1, 4, 30, tzinfo=UTC),
                datetime(2011, 12, 30, 9, 59, tzinfo=UTC),
                datetime(2011, 12, 30, 10, 0, tzinfo=UTC),
                datetime(2006, 10, 29, 2, 45, tzinfo=UTC),
            ]
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_the_day_of_any_moment_is_told_without_a_list_of_days(
    zone: str, moments: list[datetime]
) -> None:
    with override_settings(REPORTING_TIME_ZONE=zone), connection.cursor() as cursor:
        given, parameters = given_days([date(2026, 11, 1)])
        cursor.execute(
            f"WITH {given} SELECT {any_day_at('moment')} FROM given, "
            "unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS asked (moment, n) ORDER BY n",
            {**parameters, "moments": moments},
        )
        for moment, (day,) in zip(moments, cursor.fetchall(), strict=True):
            start, end = bounds(day)
            assert start <= moment < end


def test_postgres_is_asked_whether_its_days_are_the_same(settings: Any) -> None:
    """The schema ``bi`` goes by its rules."""
    for zone in ("UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Pacific/Apia"):
        settings.REPORTING_TIME_ZONE = zone
        assert postgres_has_the_same_days(databases=["default"]) == []
    assert postgres_has_the_same_days() == []
    # Rules of other weeks, and of another hour.
    first, number = differing_days(ZoneInfo("America/New_York"), "America/Havana")
    assert (first, number > 30) == (date(2011, 3, 14), True)
    first, number = differing_days(ZoneInfo("Europe/London"), "Europe/Berlin")
    assert (first, number > 5_000) == (date(2011, 1, 1), True)
    with pytest.raises(DataError):
        differing_days(ZoneInfo("UTC"), "Middle/Earth")


def test_an_export_is_of_the_same_days_as_the_figures(settings: Any) -> None:
    """In St. John's clocks went back a minute after midnight: the day had begun and came again."""
    settings.REPORTING_TIME_ZONE = "America/St_Johns"
    again = datetime(2006, 10, 29, 2, 45, tzinfo=UTC)
    paid = charge(500, again)
    refund(paid, 200, again)
    transaction("txn_1", again, 500)
    snapshots.refresh()
    (snapshot,) = DaySnapshot.objects.all()
    assert snapshot.day == date(2006, 10, 29)
    for name in ("refunds", "balance_transactions"):
        for scope in (Scope(), Scope(snapshot.day, snapshot.day)):
            (row,) = rows(name, scope)
            assert row["day"] == str(snapshot.day)
