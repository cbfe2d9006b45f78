"""Checks of the audit log: it is what was written, and that is being proven.

Verifying years of it takes longer than a run of the checks may, so each run verifies what was
sealed since the whole log was verified last, and that the log goes on from what it was then. The
whole is verified by a job every day (or by ``verify_audit``), which says what came of it in the log
itself: the fact that the checks read. So an alteration of what is older than a day is found within
a day, of what is younger within the hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from auditlog import verification
from auditlog.models import AuditEvent
from monitoring.models import Kind, Severity
from monitoring.registry import WHOLE, Finding, check, label, moment, reference, rows

# More than a day's: where nothing verifies the whole, this is what one run looks at.
ROWS_A_RUN = 100_000
VERIFIED_WITHIN = timedelta(days=2)
SHOWN = 10

INSTALLED = "SELECT min(applied) AS at FROM django_migrations"


@check(
    name="audit_log_altered",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    meaning="The audit log isn’t what was written: rows or seals were altered, deleted or put "
    "there behind the application’s back. Whoever did it can write to the database itself.",
    remedy="Change nothing, and take a copy of the database now. `manage.py verify_audit` names "
    "every row and seal. Compare the rows with those of the last backup, and verify that one "
    "`--against` the head that is kept elsewhere. Find out who could reach the database. Once the "
    "rows are as they were, `verify_audit` says so and this resolves; if they can’t be, accept it "
    "with what was found out.",
    numbers=("faults", "what"),
)
def audit_log_altered(now: datetime) -> Iterator[Finding]:
    verified = verification.verifications()
    last = next(iter(verified), None)
    newest = last.head if last else None
    since = verification.verify(
        after=newest.number if newest else 0,
        trusted=newest,
        unsealed_minutes=None,
        most_rows=ROWS_A_RUN,
    )
    before = last.faults if last else ()
    new = [str(fault) for fault in since.faults if str(fault) not in before]
    told = [*before, *new]
    if told:
        known = last.fault_count if last else 0
        count = known + since.fault_count - (len(since.faults) - len(new))
        yield Finding(
            subject_type=label(AuditEvent),
            subject_id=WHOLE,
            summary=f"Audit log: {told[0]}" + (f", and {count - 1:,} more" if count > 1 else ""),
            evidence={
                "faults": count,
                "what": told[:SHOWN],
                **evidence_of(last),
                "last seal": str(since.head) if since.head else "",
            },
        )


@check(
    name="audit_log_unproven",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="Rows of the audit log are still not sealed after an hour, or nothing has verified the "
    "whole log for two days. Who alters it now may not be found out.",
    remedy="See whether a worker is running (`manage.py worker`): it seals every minute and "
    "verifies every night. Without one, let cron run `manage.py seal_audit` and "
    "`manage.py verify_audit`.",
)
def audit_log_unproven(now: datetime) -> Iterator[Finding]:
    [installed] = rows(INSTALLED, {})
    last = next(iter(verification.verifications()), None)
    newest = verification.head()
    before = now - timedelta(minutes=verification.UNSEALED_MINUTES)
    told = [fault.text for fault in verification.unsealed(newest, before)]
    if (last.at if last else installed["at"]) < now - VERIFIED_WITHIN:
        told.append("the whole log wasn’t verified for two days")
    if told:
        yield Finding(
            subject_type=label(AuditEvent),
            subject_id=WHOLE,
            summary=f"Audit log: {'; '.join(told)}",
            evidence={
                **evidence_of(last),
                "last seal": str(newest) if newest else "",
                "installed": moment(installed["at"]),
            },
        )


def evidence_of(last: verification.Told | None) -> dict[str, Any]:
    """When the whole log was verified last, if ever, and where it says so."""
    return {
        "whole log verified": moment(last.at if last else None),
        "in the audit log": reference(AuditEvent, last.event) if last else "",
    }
