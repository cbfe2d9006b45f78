"""What must happen regularly is missed once it is late, counted from the first migration."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.actions import (
    AUDIT_VERIFIED,
    BACKUP_SUCCEEDED,
    RESTORE_DRILL_FAILED,
    RESTORE_DRILL_SUCCEEDED,
)
from auditlog.services import record
from monitoring.models import CheckRun
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies.governance import installed
from monitoring.tests.finding import findings

pytestmark = pytest.mark.django_db


def test_a_new_installation_lacks_nothing() -> None:
    assert findings("backup_overdue") == []
    assert findings("checks_overdue") == []


def test_an_older_one_lacks_what_never_happened(settings: Settings) -> None:
    installed(days=3)
    [backup] = findings("backup_overdue")
    assert backup.summary == "No backup since the installation 3 days ago"
    [checks] = findings("checks_overdue")
    assert checks.summary == "The checks hadn’t run since the installation 72 hours ago"
    settings.BACKUP_WITHIN_DAYS, settings.CHECKS_WITHIN_HOURS = 4, 73
    assert findings("backup_overdue") == findings("checks_overdue") == []


def test_the_newest_backup_counts() -> None:
    installed(days=30)
    with transaction.atomic():
        backup = record(BACKUP_SUCCEEDED)
        record(AUDIT_VERIFIED)
    assert findings("backup_overdue") == []
    later = timezone.now() + timedelta(days=2, minutes=1)
    [found] = findings("backup_overdue", later)
    assert found.summary == "No backup for 2 days"
    assert found.evidence["in the audit log"]["id"] == str(backup.pk)
    with transaction.atomic():
        record(BACKUP_SUCCEEDED)
    assert len(findings("backup_overdue", later + timedelta(seconds=30))) == 1


def test_only_the_last_drill_counts() -> None:
    assert findings("restore_drill_failed") == []
    for outcome in (RESTORE_DRILL_FAILED, RESTORE_DRILL_SUCCEEDED, RESTORE_DRILL_FAILED):
        with transaction.atomic():
            last = record(outcome, reason="orders: 9 rows became 8")
    [found] = findings("restore_drill_failed")
    assert found.evidence["reason"] == "orders: 9 rows became 8"
    assert found.evidence["in the audit log"]["id"] == str(last.pk)
    with transaction.atomic():
        record(RESTORE_DRILL_SUCCEEDED)
    assert findings("restore_drill_failed") == []


def test_only_whole_runs_that_ended_count() -> None:
    installed(days=1)
    CheckRun.objects.create(started_at=timezone.now(), actor_name="job:run_checks")
    run_checks(["dead_events"])
    assert len(findings("checks_overdue")) == 1
    run_checks()
    assert findings("checks_overdue") == []
    [found] = findings("checks_overdue", timezone.now() + timedelta(hours=3, minutes=1))
    assert found.summary == "The checks didn’t run for 3 hours"


def test_a_run_after_a_pause_tells_of_it_and_the_next_one_ends_it() -> None:
    run_checks()
    CheckRun.objects.update(finished_at=timezone.now() - timedelta(hours=5))
    opened = {one["check"] for one in run_checks().results if one["opened"]}
    assert opened == {"checks_overdue"}
    resolved = {one["check"] for one in run_checks().results if one["resolved"]}
    assert resolved == {"checks_overdue"}
