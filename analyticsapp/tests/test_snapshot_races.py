"""Refreshing while others write, and twice at once; with real connections."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from analyticsapp.models import DaySnapshot, DirtyDay
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import at, charge

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(work: Any, *arguments: Any) -> Any:
    """Run on a connection of its own, which gives up after a second of waiting for a lock."""

    def run() -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            return work(*arguments)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=60)


@contextmanager
def in_the_middle_of_a_refresh() -> Iterator[None]:
    with transaction.atomic():
        snapshots.refresh()
        yield


def test_writers_do_not_wait_for_a_refresh_and_what_they_write_is_counted_next() -> None:
    charge(100, at(3))
    with in_the_middle_of_a_refresh():
        elsewhere(charge, 200, at(3))
    assert DirtyDay.objects.count() == 1
    snapshots.refresh()
    assert DaySnapshot.objects.get().gross_minor == 300


def test_a_refresh_does_not_wait_for_writers_and_misses_nothing_of_theirs() -> None:
    charge(100, at(3))
    with transaction.atomic():
        charge(200, at(3))  # not committed yet
        elsewhere(snapshots.refresh)
        assert DaySnapshot.objects.get().gross_minor == 100
    snapshots.refresh()
    assert DaySnapshot.objects.get().gross_minor == 300


def test_a_build_waits_for_a_refresh_lest_older_figures_overwrite_newer() -> None:
    charge(100, at(3))
    with in_the_middle_of_a_refresh(), pytest.raises(OperationalError, match="lock timeout"):
        elsewhere(snapshots.build, [at(20).date()])


def test_refreshes_at_once_take_turns_and_count_once() -> None:
    for n in range(1, 21):
        charge(100, at(n))
    start = Barrier(4)

    def run() -> int:
        try:
            start.wait()
            return len(snapshots.refresh())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        counted = [future.result(timeout=60) for future in [pool.submit(run) for _ in range(4)]]
    # The first one, which finds no state yet, takes all days that are near; the others find none.
    assert sorted(bool(days) for days in counted) == [False, False, False, True]
    assert DaySnapshot.objects.count() == 20
    assert not DirtyDay.objects.exists()
