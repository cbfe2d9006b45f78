"""Anomalies for ``monitoring/checks/governance.py``."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F

from auditlog.actions import (
    BACKUP_SUCCEEDED,
    RESTORE_DRILL_FAILED,
    RESTORE_DRILL_SUCCEEDED,
)
from auditlog.services import record
from auditlog.verification import verify_and_record
from monitoring.models import CheckRun
from monitoring.registry import WHOLE
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.multiply import at_once


def installed(days: int) -> None:
    """The installation is so many days older than it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET applied = applied - make_interval(days => %s)", [days]
        )


def never_backed_up() -> None:
    """Nor was anything else left out, which would be another issue."""
    run_checks()
    verify_and_record()
    installed(3)


def lose_the_backup() -> None:
    """It was never made: no seal says that it was, and the log itself can't be changed."""
    at_once([f"DELETE FROM auditlog_auditevent WHERE action = '{BACKUP_SUCCEEDED}'"])


def back_up() -> None:
    with transaction.atomic():
        record(BACKUP_SUCCEEDED)


def drill(outcome: str) -> None:
    with transaction.atomic():
        record(
            outcome, reason="" if outcome == RESTORE_DRILL_SUCCEEDED else "orders: 9 rows became 8"
        )


def not_run_for_hours() -> None:
    CheckRun.objects.update(finished_at=F("finished_at") - timedelta(hours=4))


def run_rarely() -> None:
    installed(1)
    not_run_for_hours()


ANOMALIES = {
    "backup_overdue": Anomaly(
        make=never_backed_up,
        finds=lambda: {("release.backup", WHOLE, None, "")},
        mend=back_up,
        again=lose_the_backup,
    ),
    "restore_drill_failed": Anomaly(
        make=lambda: drill(RESTORE_DRILL_FAILED),
        finds=lambda: {("release.restore_drill", WHOLE, None, "")},
        mend=lambda: drill(RESTORE_DRILL_SUCCEEDED),
        again=lambda: drill(RESTORE_DRILL_FAILED),
    ),
    "checks_overdue": Anomaly(
        make=run_rarely,
        finds=lambda: {("monitoring.checkrun", WHOLE, None, "")},
        mend=lambda: None,  # the run that found it has ended
        again=not_run_for_hours,
    ),
}
