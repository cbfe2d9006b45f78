"""Jobs of the Stripe edge.

``request_id`` is the request that a job was queued for: all that it does goes by that id.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task

from auditlog.context import acting_as, current_actor, job

logger = logging.getLogger(__name__)

QUEUE_LOCK = "process_events"
READS_LOCK = "drain_reads"
REFUNDS_LOCK = "send_refunds"


@app.task(name="payments.process_events", queueing_lock=QUEUE_LOCK)
def process_events(request_id: str = "") -> None:
    """Process what waits in the inbox; what that wants read from Stripe is another job."""
    from payments import processing, reading

    with acting_as(job("process_events", request_id)):
        done = processing.drain()
        if done.total:
            logger.info(
                "%d events processed, %d failed, %d dead", done.processed, done.failed, done.dead
            )
        if reading.is_due():
            defer_once(drain_reads, READS_LOCK)


@app.task(name="payments.drain_reads", queueing_lock=READS_LOCK)
def drain_reads(request_id: str = "") -> None:
    """Read from Stripe what webhooks don't bring, and process it, until it wants nothing more."""
    from payments import processing, reading

    with acting_as(job("drain_reads", request_id)):
        while reading.drain().read:
            processing.drain()


@app.task(name="payments.send_refunds", queueing_lock=REFUNDS_LOCK)
def send_refunds(request_id: str = "") -> None:
    """Send the refund requests that wait, and look for those whose outcome isn't known."""
    from payments import refund_sending

    with acting_as(job("send_refunds", request_id)):
        refund_sending.send_due()


def wake_worker() -> None:
    """Have the inbox processed now. Called after commit (see ``defer_once``)."""
    defer_once(process_events, QUEUE_LOCK)


def defer_once(task: Task[..., None, ...], lock: str) -> None:
    """Put a job in the queue unless one waits there already, which will see what we committed.

    It carries the id of the request that caused it. Not within a transaction: a conflict over the
    queueing lock would poison it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs"
            " WHERE queueing_lock = %s AND status = 'todo')",
            [lock],
        )
        (waiting,) = cursor.fetchone()
    if not waiting:
        with suppress(AlreadyEnqueued):
            task.defer(request_id=current_actor().request_id)
