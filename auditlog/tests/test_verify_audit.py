"""Whatever is done to the audit log behind its back, ``verify_audit`` says what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from auditlog import sealing, verification
from auditlog.canonical import SEAL_DIGEST
from auditlog.models import AuditEvent, AuditSeal
from auditlog.sealing import Head
from auditlog.tests.tampering import EVENTS, SEALS, act, acts_and_seals, behind_its_back
from auditlog.verification import verify, verify_and_record, verify_whole

pytestmark = pytest.mark.django_db
INSERT = (
    f"INSERT INTO {EVENTS} (id, at, action, actor_name, target_type, target_id, reason, before, "
    "after, request_id) VALUES (%(id)s, now(), 'order.noted', '', '', '', '', '{}', '{}', '')"
)


@pytest.fixture
def log() -> list[list[int]]:
    """The ids of the rows of five seals."""
    return acts_and_seals(5, 4)


def found() -> set[tuple[str, int | None, str]]:
    """Kind, seal and ids of each fault."""
    return {(fault.kind.value, fault.seal, fault.ids) for fault in verify().faults}


def verify_audit(*arguments: str) -> tuple[int, str]:
    """What the command prints, after its exit code."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_a_log_that_nobody_touched_is_sound(log: Any) -> None:
    act(3)
    code, text = verify_audit()
    assert code == 0
    assert "20 rows in 5 seals verified" in text
    assert text.endswith("sound\n")
    assert not found()


def test_an_empty_log_is_sound() -> None:
    assert verify().sound


CHANGES = {
    "at": "at + interval '1 microsecond'",
    "action": "'order.paid'",
    "actor_id": "7",
    "actor_name": "'mallory'",
    "target_type": "'orders.order'",
    "target_id": "'1'",
    "reason": "reason || ' '",
    "before": "'{\"n\": 1.0}'",
    "after": "'{}'",
    "address": "'192.0.2.8'",
    "request_id": "''",
}


def test_each_column_is_among_the_changes() -> None:
    assert {field.column for field in AuditEvent._meta.concrete_fields} == {"id", *CHANGES}


@pytest.mark.parametrize("column", CHANGES)
def test_a_row_that_was_altered_is_named(log: list[list[int]], column: str) -> None:
    row = log[2][1]
    behind_its_back(f"UPDATE {EVENTS} SET {column} = {CHANGES[column]} WHERE id = {row}")
    assert found() == {("row_altered", 3, str(row))}
    code, text = verify_audit()
    assert code == 1
    assert f"row altered: not what was sealed, in seal 3: row {row}\n" in text
    assert "NOT SOUND: 1 fault\n" in text


def test_rows_that_were_deleted_are_named(log: list[list[int]]) -> None:
    first, last = log[1][1], log[1][2]
    behind_its_back(f"DELETE FROM {EVENTS} WHERE id IN ({first}, {last}, {log[4][3]})")
    assert found() == {
        ("row_deleted", 2, f"{first}–{last}"),
        ("row_deleted", 5, str(log[4][3])),
    }


def test_a_row_in_the_place_of_one_that_was_rolled_back_is_named(log: list[list[int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('auditlog_auditevent_id_seq')")
        void = cursor.fetchone()[0]
    acts_and_seals(1, 2)
    behind_its_back(INSERT, id=void)
    assert found() == {("row_inserted", 6, str(void))}


def test_a_row_below_the_first_id_is_named(log: list[list[int]]) -> None:
    behind_its_back(INSERT, id=-5)
    assert found() == {("row_inserted", None, "below 1")}


def test_a_row_that_is_there_twice_is_named(log: list[list[int]]) -> None:
    row = log[3][0]
    behind_its_back(
        f"ALTER TABLE {EVENTS} DROP CONSTRAINT {EVENTS}_pkey",
        f"INSERT INTO {EVENTS} OVERRIDING SYSTEM VALUE SELECT * FROM {EVENTS} WHERE id = {row}",
    )
    assert found() == {("row_inserted", 4, str(row))}


def test_rows_that_changed_places_are_named(log: list[list[int]]) -> None:
    one, two = log[0][0], log[4][0]
    behind_its_back(
        f"UPDATE {EVENTS} SET id = -id WHERE id IN ({one}, {two})",
        f"UPDATE {EVENTS} SET id = CASE id WHEN -{one} THEN {two} ELSE {one} END WHERE id < 0",
    )
    assert found() == {("row_altered", 1, str(one)), ("row_altered", 5, str(two))}


def test_an_emptied_log_is_named(log: Any) -> None:
    behind_its_back(f"TRUNCATE {EVENTS}")
    assert found() == {("truncated", None, "")}
    assert "the log is empty, and 20 of its rows were sealed" in verify_audit()[1]


SEAL_CHANGES = {
    "at": "at + interval '1 microsecond'",
    "previous": "repeat('a', 64)",
    "last_id": "last_id + 1",
    "ids": "'{[1,2]}'",
    "void": "void + '{[9000,9001]}'",
    "pending": "'{[1,2]}'",
    "count": "3",
    "row_digests": "row_digests || '\\x00'",
    "digest": "repeat('a', 64)",
}


def test_each_column_of_a_seal_is_among_the_changes() -> None:
    assert {field.column for field in AuditSeal._meta.concrete_fields} == {"number", *SEAL_CHANGES}


@pytest.mark.parametrize("column", SEAL_CHANGES)
def test_a_seal_that_was_altered_is_named(log: Any, column: str) -> None:
    behind_its_back(f"UPDATE {SEALS} SET {column} = {SEAL_CHANGES[column]} WHERE number = 3")
    assert ("seal_altered", 3, "") in found()
    assert verify_audit()[0] == 1


def test_a_seal_that_was_made_anew_breaks_the_chain(log: list[list[int]]) -> None:
    """The row is rewritten and its seal made to fit, as the sealer would have made it."""
    behind_its_back(
        f"UPDATE {EVENTS} SET reason = 'rewritten' WHERE id = {log[2][1]}",
        f"CREATE TEMPORARY TABLE later ON COMMIT DROP AS SELECT * FROM {SEALS} WHERE number > 3",
        f"DELETE FROM {SEALS} WHERE number >= 3",
    )
    assert sealing.seal_batch(log[2][-1], log[2][-1], timezone.now() - timedelta(days=1)) == 4
    behind_its_back(f"INSERT INTO {SEALS} SELECT * FROM later")
    assert found() == {("chain_broken", 4, "")}


@pytest.mark.parametrize(
    ("deleted", "named"), [((1,), 2), ((3,), 4), ((2, 3, 4), 5)], ids=["first", "one", "some"]
)
def test_seals_that_were_deleted_are_named(log: Any, deleted: tuple[int, ...], named: int) -> None:
    behind_its_back(f"DELETE FROM {SEALS} WHERE number = ANY(%(gone)s)", gone=list(deleted))
    assert found() == {("seal_deleted", named, "")}
    gone = f"{deleted[0]}–{deleted[-1]}" if len(deleted) > 1 else str(deleted[0])
    assert f"seal deleted: no seal {gone} before seal {named}" in verify_audit()[1]


def test_seals_that_changed_places_are_named(log: Any) -> None:
    behind_its_back(
        f"UPDATE {SEALS} SET number = -number WHERE number IN (2, 4)",
        f"UPDATE {SEALS} SET number = CASE number WHEN -2 THEN 4 ELSE 2 END WHERE number < 0",
    )
    kinds = {(kind, seal) for kind, seal, _ in found()}
    assert {("seal_reordered", 2), ("seal_reordered", 4)} <= kinds


def test_a_seal_that_is_there_twice_is_named(log: Any) -> None:
    behind_its_back(
        f"ALTER TABLE {SEALS} DROP CONSTRAINT {SEALS}_pkey",
        f"INSERT INTO {SEALS} SELECT * FROM {SEALS} WHERE number = 3",
    )
    assert found() == {("seal_inserted", 3, "")}


INSERTED = {
    0: {("seal_inserted", None, "")},
    6: {("seal_reordered", 6, "")},
    9: {("seal_reordered", 9, ""), ("seal_deleted", 9, "")},
}


@pytest.mark.parametrize("number", INSERTED)
def test_a_copy_of_the_last_seal_is_named(log: Any, number: int) -> None:
    columns = "at, previous, last_id, ids, void, pending, count, row_digests, digest"
    behind_its_back(
        f"INSERT INTO {SEALS} (number, {columns}) "
        f"SELECT {number}, {columns} FROM {SEALS} WHERE number = 5"
    )
    assert found() == INSERTED[number]


FORGED = {
    "at": "at - interval '1 year'",
    "last_id": "last_id + 1",
    "void": "ids",
    "pending": "'{[1,2]}'",
    "count": "count + 1",
    "row_digests": "row_digests || '\\x00'",
}


@pytest.mark.parametrize("column", FORGED)
def test_a_seal_that_the_sealer_could_not_have_made_is_named(log: Any, column: str) -> None:
    """It has the digest of what it says, but doesn't fit the one before or itself."""
    behind_its_back(
        f"UPDATE {SEALS} SET {column} = {FORGED[column]} WHERE number = 5",
        f"UPDATE {SEALS} AS seal SET digest = {SEAL_DIGEST} WHERE number = 5",
    )
    assert ("chain_broken", 5, "") in found()


def test_seals_that_were_emptied_are_named(log: Any) -> None:
    verify_and_record()
    behind_its_back(f"TRUNCATE {SEALS}")
    found = verify_whole(unsealed_minutes=0).faults
    assert {fault.kind for fault in found} == {"truncated", "unsealed"}


def test_a_log_without_rows_and_seals_is_no_new_one(log: Any) -> None:
    behind_its_back(f"TRUNCATE {SEALS}", f"TRUNCATE {EVENTS}")
    later = timezone.now() + timedelta(hours=2)
    assert {fault.kind for fault in verify(now=later).faults} == {"truncated"}


def test_rows_that_nobody_sealed_are_named_once_they_are_old(log: Any) -> None:
    first, second = act(2)
    assert verify().sound
    later = timezone.now() + timedelta(minutes=61)
    [fault] = verify(now=later).faults
    assert (fault.kind, fault.ids) == ("unsealed", f"{first}–{second}")
    assert verify_audit("--unsealed-minutes", "0")[0] == 1
    sealing.seal()
    assert verify(now=later).sound


class TestAgainstAHeadKeptElsewhere:
    @pytest.fixture
    def kept(self, log: Any) -> str:
        code, text = verify_audit("--head")
        assert code == 0
        return text.strip()

    def test_it_fits_the_log_that_it_is_of(self, kept: str) -> None:
        last = AuditSeal.objects.get(number=5)
        assert kept == f"5:{last.last_id}:{last.digest}"
        assert verify_audit("--against", kept)[0] == 0
        acts_and_seals(2, 2)
        code, text = verify_audit("--against", kept)
        assert (code, f"against {kept}" in text) == (0, True)

    def test_from_a_file_in_either_form(self, kept: str, tmp_path: Path) -> None:
        for form, name in (("text", "head.txt"), ("json", "head.json")):
            file = tmp_path / name
            file.write_text(verify_audit("--head", "--format", form)[1])
            assert verify_audit("--against", str(file))[0] == 0
        file.write_text("a head that isn't one")
        assert verify_audit("--against", str(file))[0] == 2

    def test_a_log_that_was_cut_off_is_named(self, kept: str, log: list[list[int]]) -> None:
        behind_its_back(
            f"DELETE FROM {SEALS} WHERE number >= 4",
            f"DELETE FROM {EVENTS} WHERE id >= {log[3][0]}",
        )
        assert verify().sound  # nothing within it says so
        [fault] = verify(against=Head.parse(kept)).faults
        assert (fault.kind, fault.seal) == ("truncated", 5)
        code, text = verify_audit("--against", kept)
        assert code == 1
        assert "truncated: the log ends at seal 3; seal 5 was kept elsewhere" in text

    def test_a_log_that_was_rewritten_and_sealed_anew_is_named(self, kept: str) -> None:
        behind_its_back(f"UPDATE {EVENTS} SET reason = 'nothing happened'", f"DELETE FROM {SEALS}")
        for _ in range(5):
            sealing.seal()
            act(1)
        sealing.seal()
        assert verify().sound
        [fault] = verify(against=Head.parse(kept)).faults
        assert (fault.kind, fault.seal) == ("another_history", 5)

    def test_an_emptied_log_is_named(self, kept: str) -> None:
        behind_its_back(f"TRUNCATE {SEALS}", f"TRUNCATE {EVENTS}")
        assert {fault.kind for fault in verify(against=Head.parse(kept)).faults} == {"truncated"}


def test_what_is_no_head_can_t_be_compared(log: Any) -> None:
    code, text = verify_audit("--against", "5:x:y")
    assert code == 2
    assert "neither a head" in text


def test_without_a_seal_there_is_no_head() -> None:
    assert verify_audit("--head")[0] == 2


def test_a_log_that_can_t_be_read_is_not_called_sound(log: Any) -> None:
    behind_its_back(f"ALTER TABLE {SEALS} DROP COLUMN row_digests")
    code, text = verify_audit()
    assert code == 2
    assert "could not verify" in text


def test_what_programs_read(log: list[list[int]]) -> None:
    row = log[2][1]
    behind_its_back(f"DELETE FROM {EVENTS} WHERE id = {row}")
    code, text = verify_audit("--format", "json")
    read = json.loads(text)
    assert code == 1
    assert (read["sound"], read["rows"], read["seals"], read["fault_count"]) == (False, 20, 5, 1)
    assert read["faults"][0] | {"text": ""} == {
        "kind": "row_deleted",
        "text": "",
        "seal": 3,
        "ids": str(row),
    }
    assert read["head"]["number"] == 5


def test_faults_without_end_are_counted_not_listed(
    log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_FAULTS", 2)
    behind_its_back(f"UPDATE {EVENTS} SET reason = 'rewritten'")
    seen = verify()
    assert (len(seen.faults), seen.fault_count) == (2, 5)
    assert "and 3 faults more" in verify_audit()[1]


def test_many_seals_are_verified_by_few_statements(
    monkeypatch: pytest.MonkeyPatch, queries: Callable[[], Any]
) -> None:
    def statements() -> int:
        with queries() as captured:
            assert verify().sound
        return len(captured)

    acts_and_seals(2, 2)
    few = statements()
    acts_and_seals(20, 2)
    assert statements() == few
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(verification, "ROWS_AT_ONCE", 10)
    assert verify(progress=lambda done, total: told.append((done, total))).sound
    assert told == [(10, 44), (20, 44), (30, 44), (40, 44), (44, 44)]
