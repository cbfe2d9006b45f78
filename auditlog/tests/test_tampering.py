"""Whatever is changed at random: the verification says so, and names exactly the rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditlog.canonical import ROW_DIGEST, SEAL_DIGEST
from auditlog.tests.tampering import EVENTS, SEALS, acts_and_seals, behind_its_back
from auditlog.verification import head, verify

pytestmark = pytest.mark.django_db
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Nothing changes where there is no such row or seal, or where it is so already.
ROW_CHANGES = [
    "UPDATE {EVENTS} SET reason = '7' WHERE id = {id}",
    "UPDATE {EVENTS} SET after = '{{\"n\": 7}}', before = '{{}}' WHERE id = {id}",
    "UPDATE {EVENTS} SET at = date_trunc('minute', at) WHERE id = {id}",
    "UPDATE {EVENTS} SET address = NULL WHERE id = {id}",
    "DELETE FROM {EVENTS} WHERE id = {id}",
    "DELETE FROM {EVENTS} WHERE id > {id}",
    "INSERT INTO {EVENTS} SELECT {id}, at, action, actor_name, target_type, target_id, reason, "
    "before, after, address, request_id, actor_id FROM {EVENTS} ORDER BY id LIMIT 1 "
    "ON CONFLICT DO NOTHING",
]
SEAL_CHANGES = [
    "UPDATE {SEALS} SET row_digests = row_digests || '\\x00' WHERE number = {seal}",
    "UPDATE {SEALS} SET ids = '{{[1,2]}}' WHERE number = {seal}",
    "UPDATE {SEALS} SET at = at + interval '1 day' WHERE number = {seal}",
    "UPDATE {SEALS} SET count = 4 WHERE number = {seal}",
    "UPDATE {SEALS} SET last_id = last_id + 1 WHERE number = {seal}",
    "UPDATE {SEALS} AS seal SET previous = repeat('0', 64) WHERE number = {seal}",
    "UPDATE {SEALS} AS seal SET digest = {SEAL_DIGEST} WHERE number = {seal}",
    "UPDATE {SEALS} SET number = number + 1 WHERE number = "
    "(SELECT max(number) FROM {SEALS}) AND number = {seal}",
    "DELETE FROM {SEALS} WHERE number = {seal}",
    "DELETE FROM {SEALS} WHERE number > {seal}",
    "INSERT INTO {SEALS} SELECT {seal} + 1, at, previous, last_id, ids, void, pending, count, "
    "row_digests, digest FROM {SEALS} WHERE number = {seal} ON CONFLICT DO NOTHING",
]


def acted() -> tuple[int, int]:
    """The first and last id of a log of three seals; between them are ids that were rolled back."""
    first = acts_and_seals(1, 5)[0][0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('auditlog_auditevent_id_seq') FROM generate_series(1, 3)")
    return first, acts_and_seals(2, 5)[-1][-1]


def contents() -> tuple[dict[int, bytes], list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, {ROW_DIGEST} FROM {EVENTS} AS event")
        rows = dict(cursor.fetchall())
        cursor.execute(f"SELECT number, digest, {SEAL_DIGEST} FROM {SEALS} AS seal ORDER BY number")
        return rows, cursor.fetchall()


def numbers(words: str) -> set[int]:
    """The ids that ``3–7, 9`` stands for."""
    found: set[int] = set()
    for part in words.split(", "):
        first, _, last = part.partition("–")
        found |= set(range(int(first), int(last or first) + 1))
    return found


@EXAMPLES
@given(data=st.data())
def test_every_change_of_rows_is_named_and_nothing_else(data: st.DataObject) -> None:
    with transaction.atomic():
        first, last = acted()
        before, _ = contents()
        for change in data.draw(st.lists(st.sampled_from(ROW_CHANGES), max_size=4)):
            row = first + data.draw(st.integers(0, last - first))
            behind_its_back(change.format(EVENTS=EVENTS, id=row))
        after, _ = contents()
        expected = {
            "row_altered": {one for one in before.keys() & after if before[one] != after[one]},
            "row_deleted": set(before.keys() - after),
            "row_inserted": set(after.keys() - before),
        }
        found: dict[str, set[int]] = {kind: set() for kind in expected}
        seen = verify(against=head())
        if after:
            for fault in seen.faults:
                found[fault.kind.value] |= numbers(fault.ids)
            assert found == expected
        else:
            assert {fault.kind for fault in seen.faults} == {"truncated"}
        transaction.set_rollback(True)


@EXAMPLES
@given(data=st.data())
def test_no_change_of_rows_and_seals_goes_unseen(data: st.DataObject) -> None:
    with transaction.atomic():
        first, last = acted()
        before, kept = contents(), head()
        changes = data.draw(st.lists(st.sampled_from(ROW_CHANGES + SEAL_CHANGES), max_size=5))
        for change in changes:
            behind_its_back(
                change.format(
                    EVENTS=EVENTS,
                    SEALS=SEALS,
                    SEAL_DIGEST=SEAL_DIGEST,
                    id=first + data.draw(st.integers(0, last - first)),
                    seal=data.draw(st.integers(1, 3)),
                )
            )
        assert verify(against=kept).sound is (contents() == before)
        transaction.set_rollback(True)
