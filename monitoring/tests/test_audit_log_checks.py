"""What was sealed since the last verification of all is verified by each run, the rest by a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from auditlog import sealing, verification
from auditlog.context import acting_as, job
from auditlog.services import record
from auditlog.tests.tampering import EVENTS, SEALS, acts_and_seals, behind_its_back
from auditlog.verification import verify_and_record
from monitoring.checks import audit_log
from monitoring.tests.anomalies.governance import installed
from monitoring.tests.finding import findings

pytestmark = pytest.mark.django_db


def altered() -> list[str]:
    return [finding.summary for finding in findings("audit_log_altered")]


def rewrite(row: int, reason: str) -> None:
    behind_its_back(f"UPDATE {EVENTS} SET reason = '{reason}' WHERE id = {row}")


def test_what_is_older_than_the_last_verification_is_found_by_the_next() -> None:
    old = acts_and_seals(2, 2)[0][0]
    verify_and_record()
    rewrite(old, "rewritten")
    assert altered() == []
    with acting_as(job("verify_audit")):
        verify_and_record()
    assert altered() == [f"Audit log: row altered: not what was sealed, in seal 1: row {old}"]
    rewrite(old, "0")  # as it was
    assert len(altered()) == 1  # so says the last verification
    call_command("verify_audit")
    assert altered() == []


def test_what_came_since_is_found_at_once() -> None:
    acts_and_seals(2, 2)
    verify_and_record()
    young = acts_and_seals(1, 2)[0][1]
    rewrite(young, "rewritten")
    assert altered() == [f"Audit log: row altered: not what was sealed, in seal 3: row {young}"]
    rewrite(young, "1")
    assert altered() == []


def test_a_log_that_was_cut_off_or_sealed_anew_since_is_found() -> None:
    rows = acts_and_seals(3, 2)
    verify_and_record()
    behind_its_back(f"DELETE FROM {SEALS} WHERE number = 3")
    [summary] = altered()
    assert summary.startswith("Audit log: truncated: the log ends at seal 2; seal 3 was there when")
    rewrite(rows[2][0], "rewritten")
    sealing.seal()
    [summary] = altered()
    assert summary.startswith("Audit log: another history: seal 3 isn’t the one")

    verify_and_record()  # of what it is now it can't be told what it was
    [summary] = altered()
    assert summary.startswith("Audit log: another history: seal 3 isn’t the one")


def test_what_is_altered_and_sealed_anew_before_any_run_is_found_by_the_verification() -> None:
    rows = acts_and_seals(3, 2)
    verify_and_record()
    behind_its_back(f"DELETE FROM {SEALS} WHERE number >= 2")
    rewrite(rows[1][0], "rewritten")
    sealing.seal()
    verify_and_record()
    [summary] = altered()
    assert summary.startswith("Audit log: truncated: the log ends at seal 2; seal 3 was there when")


def test_a_head_that_was_kept_elsewhere_is_compared_until_another_one_fits() -> None:
    acts_and_seals(2, 2)
    good = verification.head()
    assert good is not None
    verify_and_record(replace(good, digest="0" * 64))
    verify_and_record()
    [summary] = altered()
    assert "isn’t the one that was kept elsewhere" in summary
    verify_and_record(good)
    assert altered() == []


def test_a_log_that_was_never_sealed_was_not_altered() -> None:
    with transaction.atomic():
        record("order.noted")
    behind_its_back(f"UPDATE {EVENTS} SET at = at - interval '2 hours'")
    assert not verify_and_record().sound
    assert altered() == []
    assert len(findings("audit_log_unproven")) == 1


def test_a_row_with_an_id_that_was_never_given_is_found() -> None:
    acts_and_seals(1, 1)
    verify_and_record()
    sealing.seal()
    behind_its_back(
        f"INSERT INTO {EVENTS} SELECT (jsonb_populate_record(row, "
        f'\'{{"id": 1000000000, "at": "2036-01-01T00:00:00Z"}}\')).* '
        f"FROM {EVENTS} AS row ORDER BY id LIMIT 1"
    )
    assert altered() == ["Audit log: row inserted: 1 rows with an id that was never given to one"]


def test_one_run_looks_at_a_bounded_part(
    monkeypatch: pytest.MonkeyPatch, queries: Callable[[], Any]
) -> None:
    monkeypatch.setattr(audit_log, "ROWS_A_RUN", 4)
    monkeypatch.setattr("auditlog.verification.ROWS_AT_ONCE", 2)

    def statements() -> int:
        with queries() as captured:
            assert altered() == []
        return len(captured)

    acts_and_seals(4, 2)
    few = statements()
    acts_and_seals(20, 2)
    assert statements() == few


def test_a_log_that_the_sealer_left_alone_was_not_altered() -> None:
    acts_and_seals(1, 1)
    with transaction.atomic():
        young = record("order.noted")
    behind_its_back(f"UPDATE {EVENTS} SET at = at - interval '2 hours' WHERE id = {young.pk}")
    with pytest.raises(SystemExit):
        call_command("verify_audit")  # says that it isn't sealed
    assert findings("audit_log_altered") == []
    assert len(findings("audit_log_unproven")) == 1
    call_command("seal_audit")
    call_command("verify_audit")
    assert findings("audit_log_unproven") == []


def test_a_log_that_nobody_verifies_is_unproven_after_two_days() -> None:
    acts_and_seals(1, 1)
    assert findings("audit_log_unproven") == []
    installed(3)
    [finding] = findings("audit_log_unproven")
    assert finding.summary == "Audit log: the whole log wasn’t verified for two days"
    verify_and_record()
    sealing.seal()
    assert findings("audit_log_unproven") == []
    later = timezone.now() + timedelta(days=2, minutes=1)
    assert len(findings("audit_log_unproven", later)) == 1
