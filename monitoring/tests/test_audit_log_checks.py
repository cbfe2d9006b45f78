"""What was sealed since the last verification of all is verified by each run, the rest by a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from auditlog import sealing
from auditlog.context import acting_as, job
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
    assert altered() == [
        "Audit log: truncated: the log ends at seal 2; seal 3 was kept elsewhere",
    ]
    rewrite(rows[2][0], "rewritten")
    sealing.seal()
    [summary] = altered()
    assert summary.startswith("Audit log: another history: seal 3 isn’t the one")


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
    behind_its_back(f"UPDATE {EVENTS} SET reason = reason")
    later = timezone.now() + timedelta(hours=2)
    assert findings("audit_log_altered", later) == []
    call_command("seal_audit")
    assert findings("audit_log_unproven", later) == []


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
