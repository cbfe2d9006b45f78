"""Which run of the checks is under way: so that none is started twice, and a dead one is known.

A run holds an advisory lock of its database session as long as it lasts. The server frees it when
the process dies, however it dies, so a run that has not ended and holds no lock is dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from procrastinate.exceptions import AlreadyEnqueued

from auditlog import services as audit
from auditlog.context import current_actor
from monitoring import registry, tasks
from monitoring.models import BackgroundJob, CheckRun

HELD = 0x15536  # with a run's number; any number that no other advisory lock of ours uses
START = 0x15537  # who starts a run, or asks for one, waits for the others who do
NUMBERS = 2**31
ALIVE = """
monitoring_checkrun.id %% %s IN (
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = %s AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


@dataclass(frozen=True)
class UnderWay:
    """A run that goes on, or one that waits for a worker (``run`` is None then)."""

    run: CheckRun | None
    since: datetime | None
    done: int = 0
    of: int = 0


def lock_start() -> None:
    """Wait until nobody else is about to start a run; to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [START])


def hold(run: CheckRun) -> None:
    """Show that ``run`` is alive, until :func:`release` or the end of the database session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [HELD, run.pk % NUMBERS])


def release(run: CheckRun) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [HELD, run.pk % NUMBERS])


def alive() -> RawSQL:
    """Whether a process is at work on a run, for querysets of runs."""
    return RawSQL(ALIVE, [NUMBERS, HELD], output_field=BooleanField())


def run_of_all() -> CheckRun | None:
    """The run of all checks that goes on, the newest if there are several."""
    unfinished = CheckRun.objects.filter(finished_at=None, only=[])
    return unfinished.annotate(alive=alive()).filter(alive=True).order_by("-id").first()


def under_way() -> UnderWay | None:
    """The run of all checks that goes on or waits for a worker, with how far it is; or None."""
    if run := run_of_all():
        return UnderWay(run, run.started_at, len(run.results), len(registry.all_checks()))
    waiting = BackgroundJob.objects.filter(queueing_lock=tasks.CHECKS_LOCK, status="todo").first()
    return UnderWay(None, waiting.scheduled_at) if waiting else None


def ask_for_run() -> bool:
    """Have all checks run by the worker, for the current actor; audited. False, and nothing is
    done, where a run goes on or waits already: however often and by however many it is asked for,
    there is one."""
    actor = current_actor()
    with transaction.atomic():
        lock_start()
        if under_way():
            return False
        try:
            with transaction.atomic():  # the schedule may have queued one this moment
                tasks.run_checks.defer(
                    asked_by=actor.user.pk if actor.user else None, request_id=actor.request_id
                )
        except AlreadyEnqueued:
            return False
        audit.record("monitoring.run_asked")
    return True
