"""From the inbox to state: batches that workers claim, and what becomes of events that fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, OutOfMemory

from payments.changes import announce
from payments.entries import embedded, entry_of
from payments.inbox import insert
from payments.mirror.projection import project
from payments.models import Source, StripeEvent
from payments.refund_requests import link_refunds

logger = logging.getLogger(__name__)

BATCH = 500
# Between the tries of an event: half a minute, doubling, at most six hours.
FIRST_RETRY = 30
LONGEST_RETRY = 6 * 60 * 60
# When every waiting event is in another worker's hands.
PAUSE = 0.05


@dataclass
class Drained:
    """What became of the events of one call."""

    processed: int = 0
    failed: int = 0
    dead: int = 0

    def __add__(self, other: Drained) -> Drained:
        return Drained(
            self.processed + other.processed, self.failed + other.failed, self.dead + other.dead
        )

    @property
    def total(self) -> int:
        return self.processed + self.failed + self.dead


@dataclass(frozen=True)
class Claimed:
    pk: int
    object_type: str
    object_id: str


def drain(*, limit: int | None = None, batch: int = BATCH) -> Drained:
    """Process events until none is due (or ``limit`` have been); return what became of them.

    Any number of workers may drain at once; each ends when the others' events are done too.
    """
    done = Drained()
    while limit is None or done.total < limit:
        size = batch if limit is None else min(batch, limit - done.total)
        result, waiting = process_batch(size)
        done += result
        if not result.total:
            if not waiting:
                break
            time.sleep(PAUSE)
    return done


def process_batch(size: int) -> tuple[Drained, bool]:
    """Claim and process one batch; say too whether due events were left to another worker."""
    claimed: list[Claimed] = []
    try:
        with transaction.atomic():
            claimed, waiting = claim(size)
            return process(claimed), waiting
    except (OperationalError, InterfaceError) as error:
        # No event's fault. All of it was rolled back, and the rows are free again.
        if isinstance(error.__cause__, DeadlockDetected):
            return Drained(), True
        if isinstance(error.__cause__, OutOfMemory) and size > 1:
            # Each payment of a batch is locked: see max_locks_per_transaction.
            logger.warning("The database has no room for a batch of %d events; halving it", size)
            return process_batch(size // 2)
        raise  # the database went away
    except Exception:
        logger.exception("a batch of %d events failed; finding the one that did it", len(claimed))
    return isolate([event.pk for event in claimed]), True


def process_these(keys: Sequence[int]) -> Drained:
    """Process these events and no others; those that another worker has in hand are left to it."""
    if not keys:
        return Drained()
    try:
        return isolate(keys)
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            return Drained()  # they are due, and the next who drains finds them
        raise


def isolate(keys: Sequence[int]) -> Drained:
    """Process events in ever smaller batches, so that one that raises fails alone."""
    try:
        with transaction.atomic():
            claimed, _ = claim(len(keys), keys)
            return process(claimed)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(keys) == 1:
            # In a transaction of its own: the one that failed took its traces with it.
            with transaction.atomic():
                # Its first line: what follows in one of the database's is the row, buyer and all.
                reason = str(error).partition("\n")[0]
                return fail({keys[0]: f"{type(error).__name__}: {reason}"})
    middle = len(keys) // 2
    return isolate(keys[:middle]) + isolate(keys[middle:])


CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id, object_type, object_id
        FROM payments_stripeevent
        WHERE status IN ('received', 'failed') AND not_before <= now() {only}
        ORDER BY id
        LIMIT %s
        FOR UPDATE SKIP LOCKED
    )
    SELECT id, object_type, object_id,
        pg_try_advisory_xact_lock(hashtextextended(object_type || object_id, 0))
    FROM due
"""

ANY_DUE = """
    SELECT EXISTS (
        SELECT FROM payments_stripeevent
        WHERE status IN ('received', 'failed') AND not_before <= now()
    )
"""


def claim(size: int, keys: Sequence[int] | None = None) -> tuple[list[Claimed], bool]:
    """Take due events whose objects no other worker has in hand.

    Locks are only ever tried, never waited for, so two workers can't block one another. The second
    value says whether some due event was left because another worker has it, or its object.
    """
    with connection.cursor() as cursor:
        if keys is None:
            cursor.execute(CLAIM.format(only=""), [size])
        else:
            cursor.execute(CLAIM.format(only="AND id = ANY(%s)"), [list(keys), size])
        rows = cursor.fetchall()
        if not rows and keys is None:
            cursor.execute(ANY_DUE)
            (elsewhere,) = cursor.fetchone()
            return [], elsewhere
    claimed = [Claimed(*row[:3]) for row in rows if row[3]]
    return claimed, len(claimed) < len(rows)


def process(claimed: Sequence[Claimed]) -> Drained:
    """Project the claimed events, tell the handlers, and settle the rows; in a transaction."""
    if not claimed:
        return Drained()
    keys = {(event.object_type, event.object_id) for event in claimed}
    projected = project(keys, [event.pk for event in claimed])
    insert(
        [
            entry_of(embedded(parent, data), source=Source.EMBEDDED)
            for parent, data in projected.carried
        ]
    )
    link_refunds(projected.changes)
    announce(projected.changes)
    result = fail(projected.bad)
    good = [event.pk for event in claimed if event.pk not in projected.bad]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_stripeevent
            SET status = 'processed', processed_at = now(), error = '', attempts = attempts + 1
            WHERE id = ANY(%s)
            """,
            [good],
        )
    result.processed = len(good)
    return result


def fail(errors: dict[int, str]) -> Drained:
    """Record why events failed: they are tried again later, and in the end are dead."""
    if not errors:
        return Drained()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_stripeevent AS event
            SET attempts = event.attempts + 1,
                error = bad.error,
                status = CASE WHEN event.attempts + 1 < %s THEN 'failed' ELSE 'dead' END,
                not_before = now() + make_interval(
                    secs => least(%s * power(2, event.attempts), %s))
            FROM unnest(%s::bigint[], %s::text[]) AS bad (id, error)
            WHERE event.id = bad.id AND event.status IN ('received', 'failed')
            RETURNING event.status
            """,
            [
                settings.STRIPE_MAX_ATTEMPTS,
                FIRST_RETRY,
                LONGEST_RETRY,
                list(errors),
                [error.replace("\0", "")[:2000] for error in errors.values()],
            ],
        )
        statuses = [status for (status,) in cursor.fetchall()]
    dead = statuses.count(StripeEvent.Status.DEAD)
    return Drained(failed=len(statuses) - dead, dead=dead)
