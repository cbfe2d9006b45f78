"""Figures of operation, read from the database: a few statements, none over a whole big table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from analyticsapp.models import SnapshotState
from auditlog.actions import BACKUP_SUCCEEDED
from auditlog.models import AuditEvent, AuditSeal
from governance.metrics.text import Metric
from monitoring.admin.jobs import spelled
from monitoring.models import CheckRun, Issue, Severity
from payments.models import StripeEvent

# By state through the indexes of what isn't settled; how many are, the planner knows well enough.
EVENTS = """
SELECT status, count(*), min(received_at) FROM payments_stripeevent
WHERE status IN ('received', 'failed') GROUP BY status
UNION ALL
SELECT 'dead', count(*), min(received_at) FROM payments_stripeevent WHERE status = 'dead'
UNION ALL
SELECT 'stored', greatest(reltuples, 0)::bigint, NULL FROM pg_class
WHERE oid = 'payments_stripeevent'::regclass
"""
# What succeeded isn't kept. How long a job has been where it is, its last event tells; one that is
# to run later waits from then on.
JOBS = """
SELECT queue_name, status::text, count(*), min(greatest(step.at, job.scheduled_at))
FROM procrastinate_jobs AS job
LEFT JOIN LATERAL (
    SELECT max(at) AS at FROM procrastinate_events
    WHERE job_id = job.id AND job.status IN ('todo', 'doing')
) AS step ON true
GROUP BY 1, 2 ORDER BY 1, 2
"""
# Each change writes a row, and the refresh takes them all: a backlog needn't be read to its end.
DIRTY_DAYS = """
SELECT count(DISTINCT day) FROM (SELECT day FROM analyticsapp_dirtyday LIMIT 100000) AS changed
"""
# Workers that gave a sign of life lately; one that ended badly gives none.
WORKERS = """
SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '20 seconds'
"""
# A seal is made only where there is something to seal.
UNSEALED = """
SELECT (
    SELECT at FROM auditlog_auditevent
    WHERE id > coalesce((SELECT last_id FROM auditlog_auditseal ORDER BY number DESC LIMIT 1), 0)
    ORDER BY id LIMIT 1
)
"""
# So that a queue without jobs says 0.
STATES_OF_JOBS = ("todo", "doing", "failed")


def figures(now: datetime) -> list[Metric]:
    """All of them. Moments are seconds since 1970, 0 where there was none; ages end at ``now``."""
    return [
        *of_events(now),
        *of_jobs(now),
        single("workers", "Workers that gave a sign of life lately.", scalar(WORKERS)),
        *of_runs(),
        *of_issues(),
        moment(
            "snapshots_refreshed_timestamp_seconds",
            "When the figures of the dashboards were last brought up to date.",
            SnapshotState.objects.values_list("refreshed_at", flat=True).first(),
        ),
        single("dirty_days", "Days that changed since, as far as one looks.", scalar(DIRTY_DAYS)),
        moment(
            "backup_success_timestamp_seconds",
            "When a backup last succeeded.",
            AuditEvent.objects.filter(action=BACKUP_SUCCEEDED)
            .order_by("-at", "-id")
            .values_list("at", flat=True)
            .first(),
        ),
        moment(
            "audit_sealed_timestamp_seconds",
            "When the audit log was last sealed.",
            AuditSeal.objects.order_by("-number").values_list("at", flat=True).first(),
        ),
        single(
            "audit_unsealed_seconds",
            "Age of the oldest row of the audit log past the last seal.",
            age(scalar(UNSEALED), now),
        ),
    ]


def of_events(now: datetime) -> Iterator[Metric]:
    counts = Metric("events", "Events of Stripe that aren’t settled, by state.")
    oldest = Metric("oldest_event_seconds", "Age of the oldest event in each of these states.")
    found = {state: (count, since) for state, count, since in rows(EVENTS)}
    for state in StripeEvent.Status.RECEIVED, StripeEvent.Status.FAILED, StripeEvent.Status.DEAD:
        count, since = found.get(state, (0, None))
        counts.add(count, state=state)
        oldest.add(age(since, now), state=state)
    yield counts
    yield oldest
    yield single("events_stored", "Events in all, as the planner guesses.", found["stored"][0])


def of_jobs(now: datetime) -> Iterator[Metric]:
    counts = Metric("jobs", "Jobs by queue and state; what succeeded isn’t kept.")
    oldest = Metric("oldest_job_seconds", "For how long the oldest of them has waited, or run.")
    found = {(queue, state): (count, since) for queue, state, count, since in rows(JOBS)}
    queues = {"default", *(queue for queue, _ in found)}
    for queue, state in sorted({*found, *((one, two) for one in queues for two in STATES_OF_JOBS)}):
        count, since = found.get((queue, state), (0, None))
        counts.add(count, queue=queue, state=spelled(state))
        if state in ("todo", "doing"):
            oldest.add(age(since, now), queue=queue, state=spelled(state))
    yield counts
    yield oldest


def of_runs() -> Iterator[Metric]:
    of_all = CheckRun.objects.filter(only=[]).order_by("-id")
    started = of_all.values_list("started_at", flat=True).first()
    good = of_all.filter(finished_at__isnull=False, crashed=0).first()
    yield moment("checks_started_timestamp_seconds", "When all checks last began to run.", started)
    yield moment(
        "checks_success_timestamp_seconds",
        "When a run of all checks last ended in which none crashed.",
        good.finished_at if good else None,
    )
    took = Metric("checks_duration_seconds", "How long that run took.")
    each = Metric("check_duration_seconds", "How long each check took in it.")
    if good and good.finished_at:
        took.add((good.finished_at - good.started_at).total_seconds())
        for result in good.results:
            each.add(result["milliseconds"] / 1000, check=result["check"])
    yield took
    yield each


def of_issues() -> Iterator[Metric]:
    counts = Metric("issues", "Issues that need someone, by severity.")
    money = Metric(
        "issues_money_minor",
        "Money at risk in them, in minor units of each currency; never to be added across them.",
    )
    grouped = list(
        Issue.objects.filter(status__in=Issue.NEEDS_SOMEONE)
        .order_by("severity", "currency")
        .values_list("severity", "currency")
        .annotate(Count("id"), Sum("amount_minor"))
    )
    for severity in Severity:
        counts.add(sum(row[2] for row in grouped if row[0] == severity), severity=severity)
    for severity, currency, _, amount in grouped:
        if amount is not None:
            money.add(int(amount), severity=severity, currency=currency)
    yield counts
    yield money


def single(name: str, words: str, value: float) -> Metric:
    metric = Metric(name, words)
    metric.add(value)
    return metric


def moment(name: str, words: str, at: datetime | None) -> Metric:
    return single(name, words, at.timestamp() if at else 0)


def age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0) if since else 0


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def scalar(sql: str) -> Any:
    return rows(sql)[0][0]
