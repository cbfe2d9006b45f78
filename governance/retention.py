"""What is deleted or reduced once its time is over; ``docs/data_governance.md`` says how long.

The audit log isn't touched: each seal holds the digests of its rows and of the seal before, so a
log without its first years could prove nothing of the others. How much of it is older than
``AUDIT_YEARS`` is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.utils import timezone

from auditlog.models import AuditEvent
from auditlog.services import record
from payments import retention as payloads

BATCH = 2000
Progress = Callable[[str, int], None]

ENDED_JOBS = "jobs that ended"
# The words for a job that hasn't ended are few, and the queue's own.
FINISHED_JOBS = """
    SELECT id FROM procrastinate_jobs AS job
    WHERE status NOT IN ('todo', 'doing', 'aborting') AND NOT EXISTS (
        SELECT FROM procrastinate_events AS event
        WHERE event.job_id = job.id AND event.at >= %s
    )
"""


@dataclass(frozen=True)
class Purged:
    """What came of one kind of data: how much was, or would be, deleted, reduced or kept."""

    name: str
    count: int
    done: str


@dataclass(frozen=True)
class Part:
    """One kind of data that is deleted: how to count what is due, and to delete ``BATCH`` of it at
    most, audited, in the caller's transaction."""

    name: str
    count: Callable[[datetime], int]
    purge: Callable[[datetime], int]


def purge_expired(
    *, now: datetime | None = None, dry_run: bool = False, progress: Progress = lambda name, n: None
) -> list[Purged]:
    """Reduce and delete what is past its time, in batches, each audited with its count in its own
    transaction; return what came of each kind. With ``dry_run`` nothing changes."""
    now = now or timezone.now()
    if dry_run:
        reduced = payloads.expired(now).count()
    else:
        reduced = payloads.reduce_old_payloads(now, lambda n: progress("payloads", n))
    found = [Purged("payloads of events", reduced, "reduced")]
    for part in PARTS:
        count = part.count(now) if dry_run else deleted(part, now, progress)
        found.append(Purged(part.name, count, "deleted"))
    old = AuditEvent.objects.filter(at__lt=years_before(now, settings.AUDIT_YEARS))
    found.append(Purged("rows of the audit log", old.count(), "kept: its seals need them"))
    return found


def years_before(now: datetime, years: int) -> datetime:
    """The same moment of a year before; of 29 February the day after, where there is none."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, month=3, day=1)


def deleted(part: Part, now: datetime, progress: Progress) -> int:
    total = 0
    while True:
        with transaction.atomic():
            count = part.purge(now)
        total += count
        if count:
            progress(part.name, total)
        if count < BATCH:
            return total


def of_rows(name: str, rows: Callable[[datetime], models.QuerySet[models.Model]]) -> Part:
    """Rows of a table that nothing refers to."""

    def delete(now: datetime) -> int:
        keys = list(rows(now).order_by("pk").values_list("pk", flat=True)[:BATCH])
        return note(name, rows(now).filter(pk__in=keys).delete()[0])

    return Part(name, lambda now: rows(now).count(), delete)


def note(name: str, count: int) -> int:
    """Record that so many were deleted, if any were; the number."""
    if count:
        record("data.purged", reason="its time is over", after={name: count})
    return count


def sessions(now: datetime) -> models.QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now)


def attempts(now: datetime) -> models.QuerySet[AccessAttempt]:
    since = now - timedelta(days=settings.SIGN_IN_ATTEMPT_DAYS)
    found: models.QuerySet[AccessAttempt] = AccessAttempt.objects.filter(attempt_time__lt=since)
    return found


def count_jobs(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({FINISHED_JOBS}) AS job", [jobs_since(now)])
        count: int = cursor.fetchone()[0]
        return count


def delete_jobs(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM procrastinate_jobs WHERE id IN ({FINISHED_JOBS} ORDER BY id LIMIT %s)",
            [jobs_since(now), BATCH],
        )
        return note(ENDED_JOBS, cursor.rowcount)


def jobs_since(now: datetime) -> datetime:
    return now - timedelta(days=settings.FINISHED_JOB_DAYS)


PARTS = (
    Part(ENDED_JOBS, count_jobs, delete_jobs),
    of_rows("sessions that expired", sessions),
    of_rows("failed attempts to sign in", attempts),
)
