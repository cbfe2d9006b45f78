"""Checks of what must happen regularly, whatever the data: backups, and the checks themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from auditlog.actions import (
    BACKUP_SUCCEEDED,
    RESTORE_DRILL_FAILED,
    RESTORE_DRILL_SUCCEEDED,
)
from auditlog.models import AuditEvent
from monitoring.models import CheckRun, Kind, Severity
from monitoring.registry import WHOLE, Finding, check, label, moment, reference, rows

# An installation is as old as its first migration, and what is younger than the time allowed lacks
# nothing yet. Each query finds the last time, if any, through an index.
LAST_BACKUP = """
SELECT born.at AS born_at, last.id, last.at
FROM (SELECT min(applied) AS at FROM django_migrations) AS born
LEFT JOIN LATERAL (
    SELECT id, at FROM auditlog_auditevent WHERE action = %(action)s
    ORDER BY at DESC, id DESC LIMIT 1
) AS last ON true
WHERE coalesce(last.at, born.at) < %(before)s
"""
FAILED_DRILL = """
SELECT id, action, at, reason FROM (
    (SELECT * FROM auditlog_auditevent WHERE action = %(failed)s ORDER BY id DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM auditlog_auditevent WHERE action = %(succeeded)s ORDER BY id DESC LIMIT 1)
) AS drill ORDER BY id DESC LIMIT 1
"""
LAST_RUN = """
SELECT born.at AS born_at, last.id, last.finished_at AS at
FROM (SELECT min(applied) AS at FROM django_migrations) AS born
LEFT JOIN LATERAL (
    SELECT id, finished_at FROM monitoring_checkrun
    WHERE finished_at IS NOT NULL AND "only" = '[]' ORDER BY id DESC LIMIT 1
) AS last ON true
WHERE coalesce(last.finished_at, born.at) < %(before)s
"""


@check(
    name="backup_overdue",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="No backup has succeeded for longer than BACKUP_WITHIN_DAYS. What came since is in one "
    "place only.",
    remedy="Take a backup now, and find out why the regular one didn’t run or failed. It resolves "
    f"with the next backup that is in the audit log as `{BACKUP_SUCCEEDED}`.",
)
def backup_overdue(now: datetime) -> Iterator[Finding]:
    before = now - timedelta(days=settings.BACKUP_WITHIN_DAYS)
    for row in rows(LAST_BACKUP, {"action": BACKUP_SUCCEEDED, "before": before}):
        days = (now - (row["at"] or row["born_at"])).days
        yield Finding(
            subject_type="release.backup",
            subject_id=WHOLE,
            summary=f"No backup for {days} days"
            if row["at"]
            else f"No backup since the installation {days} days ago",
            evidence={
                "last backup": moment(row["at"]),
                "in the audit log": reference(AuditEvent, row["id"]) if row["id"] else "",
                "installed": moment(row["born_at"]),
                "allowed days": settings.BACKUP_WITHIN_DAYS,
            },
        )


@check(
    name="restore_drill_failed",
    kind=Kind.ATTENTION,
    severity=Severity.CRITICAL,
    meaning="The last restore drill failed: from the backup that it took, the database could not "
    "be brought back as it was.",
    remedy="The reason is in the evidence, all of it in the drill’s log beside the backup. Mend "
    "it, take a backup (`manage.py backup`) and drill again (`manage.py restore_drill`). It "
    "resolves with a drill that succeeds.",
)
def restore_drill_failed(now: datetime) -> Iterator[Finding]:
    actions = {"failed": RESTORE_DRILL_FAILED, "succeeded": RESTORE_DRILL_SUCCEEDED}
    for row in rows(FAILED_DRILL, actions):
        if row["action"] == RESTORE_DRILL_FAILED:
            yield Finding(
                subject_type="release.restore_drill",
                subject_id=WHOLE,
                summary="The last backup that was tried can’t be restored as it was",
                evidence={
                    "drill": moment(row["at"]),
                    "reason": row["reason"],
                    "in the audit log": reference(AuditEvent, row["id"]),
                },
            )


@check(
    name="checks_overdue",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="Until this run, no run of all checks had ended for longer than CHECKS_WITHIN_HOURS. "
    "What went wrong meanwhile is found only now.",
    remedy="See why: was a worker running (`manage.py worker`), and was the one job at a time that "
    "runs the checks stuck? If it is run by cron instead, is that line still there? It resolves "
    "with the next run.",
)
def checks_overdue(now: datetime) -> Iterator[Finding]:
    before = now - timedelta(hours=settings.CHECKS_WITHIN_HOURS)
    for row in rows(LAST_RUN, {"before": before}):
        hours = int((now - (row["at"] or row["born_at"])).total_seconds() // 3600)
        yield Finding(
            subject_type=label(CheckRun),
            subject_id=WHOLE,
            summary=f"The checks didn’t run for {hours} hours"
            if row["at"]
            else f"The checks hadn’t run since the installation {hours} hours ago",
            evidence={
                "last run ended": moment(row["at"]),
                "last run": reference(CheckRun, row["id"]) if row["id"] else "",
                "installed": moment(row["born_at"]),
                "allowed hours": settings.CHECKS_WITHIN_HOURS,
            },
        )
