"""The life of issues: what a check found is set against the issues that it has.

Every statement is about all findings at once, so a run over 10,000 of them costs as many
statements as one over ten, but for one COPY a batch.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from auditlog import services as audit
from monitoring.models import CheckRun
from monitoring.registry import BATCH, CRASHED, Check, Finding, all_checks

LOCK_CLASS = 0x15535  # any number that no other advisory lock of ours uses
TIMEOUT = "5min"  # a check that takes longer can't run, which is then reported
# Few large queries, one after another: they may take memory, and compiling them doesn't pay.
SETTINGS = (
    "SET LOCAL statement_timeout = '{timeout}'; SET LOCAL work_mem = '32MB'; SET LOCAL jit = off"
)

FOUND = """
CREATE TEMPORARY TABLE found (
    position bigint GENERATED ALWAYS AS IDENTITY,
    subject_type text NOT NULL, subject_id text NOT NULL, severity text NOT NULL,
    summary text NOT NULL, evidence jsonb NOT NULL, amount_minor bigint, currency text NOT NULL
) ON COMMIT DROP
"""
COPY = """
COPY found (subject_type, subject_id, severity, summary, evidence, amount_minor, currency)
FROM STDIN
"""
# One issue a check and subject: of two findings about one subject the first counts.
ONCE = """
DELETE FROM found USING (
    SELECT subject_type, subject_id, min(position) AS first FROM found
    GROUP BY subject_type, subject_id HAVING count(*) > 1
) AS twice
WHERE found.subject_type = twice.subject_type AND found.subject_id = twice.subject_id
    AND found.position > twice.first
"""
SEEN = """
    last_seen = greatest(issue.last_seen, %(now)s), occurrences = issue.occurrences + 1,
    kind = %(kind)s, severity = found.severity, summary = found.summary,
    evidence = found.evidence, amount_minor = found.amount_minor, currency = found.currency,
    run_id = %(run)s
"""
SAME = """
    issue.check_name = %(check)s AND issue.subject_type = found.subject_type
    AND issue.subject_id = found.subject_id
"""
STILL_THERE = f"""
UPDATE monitoring_issue AS issue SET {SEEN} FROM found WHERE {SAME} AND issue.status = 'open'
"""
RECORD = """
INSERT INTO monitoring_issuetransition
    (issue_id, at, from_status, to_status, run_id, reason, evidence)
"""
REOPEN = f"""
WITH moved AS (
    UPDATE monitoring_issue AS issue
    SET {SEEN}, status = 'open', resolved_at = NULL, reopened = issue.reopened + 1
    FROM found WHERE {SAME} AND issue.status = 'resolved'
    RETURNING issue.id, issue.evidence
)
{RECORD} SELECT id, %(now)s, 'resolved', 'open', %(run)s, '', evidence FROM moved
"""
OPEN = f"""
WITH moved AS (
    INSERT INTO monitoring_issue (
        check_name, subject_type, subject_id, kind, severity, status, summary, evidence,
        amount_minor, currency, first_seen, last_seen, occurrences, reopened, run_id
    )
    SELECT %(check)s, subject_type, subject_id, %(kind)s, severity, 'open', summary, evidence,
        amount_minor, currency, %(now)s, %(now)s, 1, 0, %(run)s
    FROM found
    WHERE NOT EXISTS (SELECT FROM monitoring_issue AS issue WHERE {SAME})
    ORDER BY position
    RETURNING id, evidence
)
{RECORD} SELECT id, %(now)s, '', 'open', %(run)s, '', evidence FROM moved ORDER BY id
"""


def resolve_statement(gone: str) -> str:
    """Resolve the open issues for which the SQL condition ``gone`` holds."""
    return f"""
WITH moved AS (
    UPDATE monitoring_issue AS issue
    SET status = 'resolved', resolved_at = %(now)s, run_id = %(run)s
    WHERE issue.status = 'open' AND {gone}
    RETURNING issue.id
)
{RECORD} SELECT id, %(now)s, 'open', 'resolved', %(run)s, %(reason)s, '[]' FROM moved
"""


@dataclass(frozen=True)
class Reconciled:
    """How many subjects were found, and what that did to the check's issues."""

    found: int = 0
    opened: int = 0
    reopened: int = 0
    resolved: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.opened or self.reopened or self.resolved)


def reconcile(
    check: Check,
    findings: Iterable[Finding],
    *,
    run: CheckRun,
    now: datetime,
    scope: Sequence[str] | None = None,
) -> Reconciled:
    """Set what ``check`` found against its issues: open, keep, re-open or resolve them.

    Must stand in a transaction; a second run waits for its end, so that nothing is doubled. With
    ``scope`` only issues of these subjects' ids resolve: the others weren't looked at.
    """
    parameters: dict[str, Any] = {
        "check": check.name,
        "kind": check.kind,
        "now": now,
        "run": run.pk,
        "reason": "no longer found",
        "scope": list(scope or ()),
    }
    gone = "issue.check_name = %(check)s"
    if scope is not None:
        gone += " AND issue.subject_id = ANY(%(scope)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [LOCK_CLASS, zlib.crc32(check.name.encode()) >> 1],
        )
        cursor.execute(SETTINGS.format(timeout=TIMEOUT))
        found = opened = reopened = 0
        if any_found := collect(cursor, check, findings):
            cursor.execute(ONCE)
            cursor.execute(STILL_THERE, parameters)
            found = cursor.rowcount
            cursor.execute(REOPEN, parameters)
            reopened = cursor.rowcount
            cursor.execute(OPEN, parameters)
            opened = cursor.rowcount
            found += reopened + opened
            gone += f" AND NOT EXISTS (SELECT FROM found WHERE {SAME})"
        cursor.execute(resolve_statement(gone), parameters)
        resolved = cursor.rowcount
        if any_found:
            cursor.execute("DROP TABLE found")
    done = Reconciled(found, opened, reopened, resolved)
    if done.changed:
        record(check.name, run, done)
    return done


def collect(cursor: Any, check: Check, findings: Iterable[Finding]) -> bool:
    """Put the findings into the temporary table ``found``; say whether there were any."""
    waiting = iter(findings)
    any_found = False
    # The check's own query can't be read while a COPY is under way, so it goes batch by batch.
    while batch := list(islice(waiting, BATCH)):
        if not any_found:
            cursor.execute(FOUND)
            any_found = True
        with cursor.copy(COPY) as copy:
            for finding in batch:
                copy.write_row(
                    (
                        finding.subject_type,
                        finding.subject_id,
                        finding.severity or check.severity,
                        finding.summary,
                        # As a list: jsonb would put an object's names into an order of its own.
                        json.dumps(list(finding.evidence.items()), cls=DjangoJSONEncoder),
                        finding.amount_minor,
                        finding.currency,
                    )
                )
    return any_found


def resolve_retired(run: CheckRun, now: datetime) -> int:
    """Resolve the issues of checks that no longer exist; nothing else ever would."""
    kept = [CRASHED.name, *(check.name for check in all_checks())]
    with connection.cursor() as cursor:
        cursor.execute(
            resolve_statement("NOT issue.check_name = ANY(%(kept)s)"),
            {"kept": kept, "now": now, "run": run.pk, "reason": "its check is gone"},
        )
        resolved: int = cursor.rowcount
    if resolved:
        record("", run, Reconciled(resolved=resolved))
    return resolved


def record(check_name: str, run: CheckRun, done: Reconciled) -> None:
    """One audit row for what a check did to its issues; which ones, their transitions say."""
    audit.record(
        "monitoring.issues",
        run,
        reason=f"check {check_name}" if check_name else "checks that are gone",
        after={"opened": done.opened, "reopened": done.reopened, "resolved": done.resolved},
    )
