"""Sealing: every row exactly once, whatever is committed when, and nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from auditlog import sealing
from auditlog.canonical import GENESIS
from auditlog.models import AuditEvent, AuditSeal
from auditlog.services import record
from auditlog.tests.tampering import ACT, act
from auditlog.verification import verify


def sealed_ids() -> list[int]:
    """The ids of all seals' rows, as often as they are sealed."""
    return sorted(
        one
        for seal in AuditSeal.objects.all()
        for first, last in seal.ids
        for one in range(first, last + 1)
    )


def all_ids() -> list[int]:
    return sorted(AuditEvent.objects.values_list("pk", flat=True))


@contextmanager
def elsewhere() -> Iterator[Any]:
    """Another session of the database, in a transaction; it is rolled back at the end."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            yield cursor
    finally:
        other.close()


INSERT = (
    "INSERT INTO auditlog_auditevent (at, action, actor_name, target_type, target_id, reason, "
    "before, after, request_id) VALUES (now(), 'order.noted', '', '', '', %s, '{}', '{}', '') "
    "RETURNING id"
)


def insert(cursor: Any, reason: str) -> int:
    cursor.execute(INSERT, [reason])
    key: int = cursor.fetchone()[0]
    return key


@pytest.mark.django_db
def test_a_seal_names_its_rows_and_the_seal_before() -> None:
    first = act(3)
    assert sealing.seal() == 3
    second = act(2)
    assert sealing.seal() == 2
    one, two = AuditSeal.objects.order_by("number")
    assert (one.number, one.previous, one.count) == (1, GENESIS, 3)
    assert (two.number, two.previous, two.count) == (2, one.digest, 2)
    assert (one.ids, two.ids) == (((first[0], first[-1]),), ((second[0], second[-1]),))
    assert (one.last_id, two.last_id) == (first[-1], second[-1])
    assert (one.pending, two.pending, two.void) == ((), (), ())
    assert len(two.row_digests) == 2 * 32
    assert two.at >= one.at


@pytest.mark.django_db
def test_without_a_new_row_there_is_no_new_seal() -> None:
    act(1)
    assert sealing.seal() == 1
    assert sealing.seal() == 0
    assert AuditSeal.objects.count() == 1


@pytest.mark.django_db
def test_many_rows_are_sealed_in_several_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 4)
    act(10)
    assert sealing.seal() == 10
    assert [seal.count for seal in AuditSeal.objects.order_by("number")] == [4, 4, 2]
    assert sealed_ids() == all_ids()
    assert verify().sound


@pytest.mark.django_db
def test_seals_don_t_go_back_in_time() -> None:
    act(1)
    sealing.seal()
    act(1)
    first = AuditSeal.objects.get()
    sealing.seal(now=first.at.replace(year=2001))
    assert AuditSeal.objects.get(number=2).at == first.at


@pytest.mark.django_db(transaction=True)
def test_an_id_whose_transaction_was_rolled_back_is_void_once_that_is_sure() -> None:
    with transaction.atomic():
        act(1)
    with elsewhere() as other:
        lost = insert(other, "never committed")
        with transaction.atomic():
            act(1)
        sealing.seal(patience=0)
        assert AuditSeal.objects.get(number=1).pending[-1] == (lost, lost)
    assert sealing.seal() == 0  # no row, but it is sure now
    seal = AuditSeal.objects.get(number=2)
    assert (seal.count, seal.ids, seal.pending) == (0, (), ())
    assert (lost, lost) in seal.void
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_committed_after_younger_ones_were_sealed_is_sealed_later() -> None:
    with elsewhere() as other:
        late = insert(other, "late")
        with transaction.atomic():
            younger = act(2)
        began = time.monotonic()
        assert sealing.seal(patience=0) == 2
        assert time.monotonic() - began < 1  # it waited for nobody
        assert sealed_ids() == younger
        assert late < younger[0]
        other.execute("COMMIT")
    with transaction.atomic():
        act(1)
    assert sealing.seal() == 2
    assert sealed_ids() == all_ids()
    assert late in sealed_ids()
    assert AuditSeal.objects.get(number=2).pending == ()
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_late_rows_that_are_too_many_for_a_seal_are_sealed_in_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    with elsewhere() as other:
        for number in range(7):
            insert(other, f"late {number}")
        with transaction.atomic():
            act(2)
        assert sealing.seal(patience=0) == 2
        other.execute("COMMIT")
    with transaction.atomic():
        act(2)
    assert sealing.seal() == 9
    assert sealed_ids() == all_ids()
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_a_pass_ends_as_soon_as_those_who_wrote_when_it_began_have_ended() -> None:
    with elsewhere() as other:
        lost = insert(other, "rolled back soon")
        with transaction.atomic():
            act(1)
        threading.Timer(0.2, other.execute, ["ROLLBACK"]).start()
        sealing.seal(patience=5)
    seal = AuditSeal.objects.get()
    assert seal.pending == ()
    assert any(first <= lost <= last for first, last in seal.void)


WRITERS, WRITES = 8, 25


@pytest.mark.django_db(transaction=True)
def test_eight_writers_wait_neither_for_one_another_nor_for_the_sealer() -> None:
    """Twice all eight have a row in an open transaction at the same time: none could if one waited
    for another. All the time the sealer seals. In the end each row is sealed, and once."""
    all_inside = threading.Barrier(WRITERS + 1, timeout=10)
    sealed_meanwhile = threading.Barrier(WRITERS + 1, timeout=10)
    done = threading.Event()
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            for number in range(WRITES):
                with transaction.atomic():
                    record(ACT, reason=f"{writer} {number}")
                    if number in (1, WRITES // 2):
                        all_inside.wait()
                        sealed_meanwhile.wait()
                    if number % 7 == writer % 7:
                        transaction.set_rollback(True)
        except BaseException as error:
            failed.append(error)
            all_inside.abort()
            sealed_meanwhile.abort()
        finally:
            connection.close()

    def keep_sealing() -> None:
        try:
            while not done.is_set():
                sealing.seal(patience=0.01)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    sealer = threading.Thread(target=keep_sealing)
    writers = [threading.Thread(target=write, args=[n]) for n in range(WRITERS)]
    for thread in [sealer, *writers]:
        thread.start()
    try:
        for _ in range(2):
            all_inside.wait()
            # What is committed, while all eight are in a transaction; the other one may be at it.
            deadline = time.monotonic() + 30
            while not sealing.seal(patience=0) and not AuditSeal.objects.exists():
                assert time.monotonic() < deadline
            sealed_meanwhile.wait()
        for thread in writers:
            thread.join()
    finally:
        done.set()
        sealer.join()
    sealing.seal()
    assert failed == []
    assert AuditEvent.objects.count() > WRITERS * WRITES // 2
    assert sealed_ids() == all_ids()
    assert AuditSeal.objects.latest("number").pending == ()
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_who_writes_does_not_wait_for_a_seal_that_is_being_made() -> None:
    with transaction.atomic():
        act(3)
    with elsewhere() as other, transaction.atomic():
        assert sealing.seal() == 3
        other.execute("SET LOCAL lock_timeout = '1ms'")
        insert(other, "while the seal is not committed yet")
        other.execute("COMMIT")
    assert sealing.seal() == 1
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_leaves_it_to_the_first() -> None:
    with transaction.atomic():
        act(1)
    with elsewhere() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        assert sealing.seal(patience=0) == 0
        other.execute("COMMIT")
    assert sealing.seal() == 1
