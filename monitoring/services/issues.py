"""The life of issues: what a check found is set against the issues that it has.

What people decided about an issue (``monitoring.services.triage``) holds while it is found again:

- *acknowledged* stays so, until its severity rises;
- *muted* stays so until its date, or until its severity rises;
- *accepted* stays so while its numbers stay: money at risk, and of the evidence what its check
  calls ``numbers``, else all but times and links. Its severity may rise: that was accepted too.

Otherwise it is open again, and its transition says why. No longer found, each of them resolves.

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
from monitoring.models import CheckRun, Severity
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
# The issues that a run may change, in the order in which people's decisions lock them too.
HOLD = """
SELECT count(*) FROM (
    SELECT FROM monitoring_issue AS issue
    WHERE issue.check_name = %(check)s AND {which} ORDER BY issue.id FOR NO KEY UPDATE
) AS held
"""
UNRESOLVED = "issue.status <> 'resolved'"
FOUND_OR_UNRESOLVED = f"({UNRESOLVED} OR EXISTS (SELECT FROM found WHERE {SAME}))"


def rank(severity: str) -> str:
    """How high a severity is, in SQL."""
    names = ", ".join(f"'{name}'" for name in Severity.values)
    return f"array_position(ARRAY[{names}], {severity}::text)"


def numbers(row: str) -> str:
    """In SQL, what an accepted issue is compared by: its money, and the numbers of its evidence."""
    return f"""(
        {row}.amount_minor, {row}.currency::text, (
            SELECT jsonb_agg(told.entry ORDER BY told.place)
            FROM jsonb_array_elements({row}.evidence) WITH ORDINALITY AS told (entry, place)
            WHERE CASE WHEN %(numbers)s::text[] IS NULL
                THEN told.entry -> 1 -> 'at' IS NULL AND told.entry -> 1 -> 'model' IS NULL
                ELSE told.entry ->> 0 = ANY(%(numbers)s::text[]) END
        )
    )"""


RISEN = f"{rank('found.severity')} > {rank('issue.severity')}"
STAYS = f"""
    CASE issue.status
        WHEN 'open' THEN true
        WHEN 'acknowledged' THEN NOT {RISEN}
        WHEN 'muted' THEN issue.muted_until > %(now)s AND NOT {RISEN}
        WHEN 'accepted' THEN {numbers("issue")} IS NOT DISTINCT FROM {numbers("found")}
        ELSE false
    END
"""
STILL_THERE = f"""
UPDATE monitoring_issue AS issue SET {SEEN} FROM found WHERE {SAME} AND {STAYS}
"""
RECORD = """
INSERT INTO monitoring_issuetransition
    (issue_id, at, from_status, to_status, run_id, reason, evidence)
"""
WHY_AGAIN = f"""
    CASE
        WHEN issue.status = 'accepted' THEN 'its numbers aren''t those that were accepted'
        WHEN issue.status = 'muted' AND issue.muted_until <= %(now)s THEN 'its mute ended'
        WHEN issue.status <> 'resolved' AND {RISEN}
            THEN format('its severity rose from %%s to %%s', issue.severity, found.severity)
        WHEN (
            SELECT step.run_id IS NULL FROM monitoring_issuetransition AS step
            WHERE step.issue_id = issue.id ORDER BY step.id DESC LIMIT 1
        ) THEN 'it was resolved by hand and is still wrong'
        ELSE ''
    END
"""
REOPEN = f"""
WITH back AS MATERIALIZED (
    SELECT issue.id, issue.status, found.position, {WHY_AGAIN} AS reason
    FROM monitoring_issue AS issue JOIN found ON {SAME}
    WHERE NOT {STAYS}
),
moved AS (
    UPDATE monitoring_issue AS issue
    SET {SEEN}, status = 'open', resolved_at = NULL, muted_until = NULL,
        reopened = issue.reopened + 1
    FROM back JOIN found ON found.position = back.position WHERE issue.id = back.id
    RETURNING issue.id, back.status, back.reason, issue.evidence
)
{RECORD} SELECT id, %(now)s, status, 'open', %(run)s, reason, evidence FROM moved ORDER BY id
"""
OPEN = f"""
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
    """Resolve the unresolved issues for which the SQL condition ``gone`` holds."""
    return f"""
WITH gone AS MATERIALIZED (
    SELECT issue.id, issue.status FROM monitoring_issue AS issue
    WHERE {UNRESOLVED} AND {gone}
    ORDER BY issue.id FOR NO KEY UPDATE
),
moved AS (
    UPDATE monitoring_issue AS issue
    SET status = 'resolved', resolved_at = %(now)s, muted_until = NULL, run_id = %(run)s
    FROM gone WHERE issue.id = gone.id
    RETURNING issue.id, gone.status
)
{RECORD} SELECT id, %(now)s, status, 'resolved', %(run)s, %(reason)s, '[]' FROM moved ORDER BY id
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
        "numbers": list(check.numbers) or None,
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
        any_found = collect(cursor, check, findings)
        if any_found:
            cursor.execute(ONCE)
        held = FOUND_OR_UNRESOLVED if any_found else UNRESOLVED
        cursor.execute(HOLD.format(which=held), parameters)
        if any_found:
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
