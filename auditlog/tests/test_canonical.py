"""A digest stays what it is, whatever the session's settings, and after a restore."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from django.db import connection

from auditlog import sealing
from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent, AuditSeal
from auditlog.services import record
from auditlog.tests.tampering import ACT, EVENTS, acts_and_seals, behind_its_back
from auditlog.verification import verify

pytestmark = pytest.mark.django_db
ODD = {"b": [1, 1.50, 1e3, None, True], "a": 'ü "\\ \n \u2028 €', "": {}, "long": "x" * 3000}


def test_a_row_s_digest_can_be_computed_by_anybody() -> None:
    """SHA-256 of a JSON array, as the description of the digest says."""
    with acting_as(Actor(name="olive", address="2001:db8::1", request_id="req-12345678")):
        event = record(ACT, reason="why", before={"n": {"b": 1, "aa": 2.50}}, after={})
    behind_its_back(f"UPDATE {EVENTS} SET at = '2026-03-01T12:00:00.5Z', actor_id = 7")
    sealing.seal()
    text = (
        f'[{event.pk}, "1772366400.500000", "test.acted", 7, "olive", "", "", "why", '
        '{"n": {"b": 1, "aa": 2.5}}, {}, "2001:db8::1/128", "req-12345678"]'
    )
    assert datetime.fromtimestamp(1772366400, UTC) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    seal = AuditSeal.objects.get()
    assert bytes(seal.row_digests) == hashlib.sha256(text.encode()).digest()
    ids = f"{{[{event.pk},{event.pk + 1})}}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT void::text, extract(epoch FROM at)::text FROM auditlog_auditseal")
        void, at = cursor.fetchone()
    of_seal = [1, at, "0" * 64, event.pk, ids, void, "{}", 1]
    rows = hashlib.sha256(bytes(seal.row_digests)).hexdigest()
    assert seal.digest == hashlib.sha256(json.dumps([*of_seal, rows]).encode()).hexdigest()


@pytest.mark.parametrize(
    "setting",
    [
        "TimeZone = 'Asia/Kolkata'",
        "TimeZone = 'America/New_York'",
        "DateStyle = 'SQL, DMY'",
        "IntervalStyle = 'iso_8601'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "standard_conforming_strings = off",
    ],
)
def test_a_log_is_sound_whatever_the_session_is_set_to(setting: str) -> None:
    record(ACT, before={"n": ODD}, after={"n": 0.1})
    sealing.seal()
    acts_and_seals(2, 1)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {setting}")
    assert verify().sound


def test_a_log_that_was_dumped_and_restored_is_sound() -> None:
    """Through the text that a dump holds, into an empty table."""
    record(ACT, before={"n": ODD}, after={"n": 0.1})
    sealing.seal()
    acts_and_seals(2, 3)
    before = AuditEvent.objects.count()
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {EVENTS} TO STDOUT") as copy:
            dump = b"".join(bytes(block) for block in copy)
        behind_its_back(f"DELETE FROM {EVENTS}")
        with cursor.copy(f"COPY {EVENTS} FROM STDIN") as copy:
            copy.write(dump)
    assert AuditEvent.objects.count() == before
    assert verify().sound


def test_no_two_rows_have_one_text() -> None:
    """What stands in one column can't pass for what stands in two."""
    record(ACT, reason='b", "c')
    record(ACT, reason="b")
    sealing.seal()
    digests = bytes(AuditSeal.objects.get().row_digests)
    behind_its_back(f"UPDATE {EVENTS} SET action = 'test.acted\", \"b', reason = 'c'")
    assert len(digests) == 64
    assert {fault.kind for fault in verify().faults} == {"row_altered"}
