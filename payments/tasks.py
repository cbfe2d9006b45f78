"""Jobs of the Stripe edge."""

from __future__ import annotations

from contextlib import suppress

from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from auditlog.context import acting_as, job

QUEUE_LOCK = "process_events"


@app.task(name="payments.process_events", queueing_lock=QUEUE_LOCK)
def process_events() -> None:
    """Process what waits in the inbox."""
    from payments.processing import drain

    with acting_as(job("process_events")):
        drain()


@app.task(name="payments.drain_reads", queueing_lock="drain_reads")
def drain_reads() -> None:
    """Read from Stripe what webhooks don't bring, and process it."""
    from payments import processing, reading

    with acting_as(job("drain_reads")):
        reading.drain()
        processing.drain()


def wake_worker() -> None:
    """Put a job in the queue unless one waits there already, which will see what we committed.

    Called after commit: within a transaction a conflict over the queueing lock would poison it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs"
            " WHERE queueing_lock = %s AND status = 'todo')",
            [QUEUE_LOCK],
        )
        (waiting,) = cursor.fetchone()
    if not waiting:
        with suppress(AlreadyEnqueued):
            process_events.defer()
