"""Stripe's events: taken in by HTTP, processed into orders, and proved by rebuilding the mirror."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from django.db import connection

from bench.databases import BASE_DIR
from bench.registry import Figure, Measured, capability
from bench.timing import Ended, command, percentile, seconds
from bench.traffic import Sent, new_events, send, web
from payments.inbox import store
from payments.models import StripeEvent

RUNS = 3
SENT = 3_000
TO_PROCESS = 5_000
BURST = 50_000
OURS, BARE = "config.wsgi", "bench.bare:application"


def sent_to(application: str, *batches: Sequence[str], rate: float | None = None) -> list[Sent]:
    """The batches sent one after another to a server that has been warmed up."""
    with web(application) as port:
        send(port, new_events(200))
        return [send(port, batch, rate=rate) for batch in batches]


@capability(
    "webhook accepted",
    "An event verified, stored durably and answered, through gunicorn",
    "≥ 0.7 × a bare WSGI app that verifies and inserts the same; p99 < 100 ms at half the peak",
    scaled=False,
)
def accepted() -> Measured:
    ours: list[float] = []
    limit: list[float] = []
    for _ in range(RUNS):
        ours += [one.rate for one in sent_to(OURS, new_events(SENT))]
        limit += [one.rate for one in sent_to(BARE, new_events(SENT))]
    half = Figure.of(ours).median / 2
    (calm,) = sent_to(OURS, new_events(SENT), rate=half)
    p99 = percentile(calm.latencies, 99)
    measured = Measured(
        unit="events/s",
        ours=Figure.of(ours),
        limit=Figure.of(limit),
        limit_is="a bare WSGI application under the same gunicorn",
        detail={"p99 at half the peak, ms": p99},
    )
    measured.met = (measured.ratio or 0) >= 0.7 and p99 < 100
    return measured


@capability(
    "exact duplicates",
    "Events sent again, through gunicorn",
    "≥ 3 × the rate of new events",
    scaled=False,
)
def duplicates() -> Measured:
    """The limit is here what new events take, and the ratio is to be above it."""
    batch = new_events(SENT)
    new, *again = sent_to(OURS, batch, batch, batch, batch)
    measured = Measured(
        unit="events/s",
        ours=Figure.of([one.rate for one in again]),
        limit=Figure.of([new.rate]),
        limit_is="the same events when they were new",
    )
    measured.met = (measured.ratio or 0) >= 3
    return measured


def settle() -> None:
    """Nothing waits any more, and Postgres knows how many rows there are."""
    command("process_events")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def receive(number: int) -> None:
    events = [json.loads(one) for one in new_events(number)]
    for first in range(0, number, 1_000):
        store(events[first : first + 1_000], "webhook")


def waiting() -> int:
    return StripeEvent.objects.filter(status__in=StripeEvent.OPEN).count()


def processed(number: int) -> Ended:
    """A process that drains so many new events."""
    receive(number)
    done = command("process_events")
    assert " 0 failed" in done.said, done.said
    assert not waiting()
    return done


def barely(number: int) -> float:
    """Seconds for the least: read each event, keep its object as a row, note that, settle it."""
    receive(number)

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS bench_object (id text PRIMARY KEY, o jsonb)")
            while True:
                cursor.execute(
                    "SELECT id, payload::text FROM payments_stripeevent "
                    "WHERE status = 'received' ORDER BY id LIMIT 500"
                )
                batch = cursor.fetchall()
                if not batch:
                    return
                objects = {}
                for _, payload in batch:
                    thing = json.loads(payload)["data"]["object"]
                    objects[thing["id"]] = json.dumps(thing)
                cursor.execute(
                    "INSERT INTO bench_object SELECT * FROM unnest(%s::text[], %s::jsonb[]) "
                    "ON CONFLICT (id) DO UPDATE SET o = EXCLUDED.o",
                    [list(objects), list(objects.values())],
                )
                cursor.execute(
                    "UPDATE payments_stripeevent SET status = 'processed' WHERE id = ANY(%s)",
                    [[key for key, _ in batch]],
                )

    return seconds(run)


@capability(
    "process_events",
    "Events into charges, intents, orders, transitions and audit rows, one process",
    "≥ 2,500 events/s",
    scaled=False,
)
def one_process() -> Measured:
    settle()
    start = Figure.of([command("process_events").seconds for _ in range(RUNS)]).median
    # Without the start of the process, which a worker has behind it.
    ours = [TO_PROCESS / (processed(TO_PROCESS).seconds - start) for _ in range(RUNS)]
    limit = [TO_PROCESS / barely(TO_PROCESS) for _ in range(RUNS)]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_object")
    return Measured(
        unit="events/s",
        ours=Figure.of(ours),
        limit=Figure.of(limit),
        limit_is="each event read, its object kept as one row, and settled, in batches",
        met=Figure.of(ours).median >= 2_500,
        detail={"start of the process, s": start},
    )


@capability(
    "process_events, two processes",
    "The same events by two processes at once",
    "≥ 1.6 × one process; a burst drained with memory flat",
    scaled=False,
)
def two_processes() -> Measured:
    settle()
    ours, limit = [], []
    for _ in range(RUNS):
        limit.append(TO_PROCESS / processed(TO_PROCESS).seconds)
        receive(2 * TO_PROCESS)
        arguments = [sys.executable, "manage.py", "process_events"]

        def both(arguments: list[str] = arguments) -> None:
            pair = [
                subprocess.Popen(arguments, cwd=BASE_DIR, stdout=subprocess.DEVNULL)
                for _ in range(2)
            ]
            assert [one.wait() for one in pair] == [0, 0]

        ours.append(2 * TO_PROCESS / seconds(both))
        assert not waiting()
    small = processed(TO_PROCESS).peak_mb
    burst = processed(BURST)
    measured = Measured(
        unit="events/s",
        ours=Figure.of(ours),
        limit=Figure.of(limit),
        limit_is="one process with half as many; of both the start is in it",
        detail={
            f"peak MB for {TO_PROCESS:,}": small,
            f"peak MB for {BURST:,}": burst.peak_mb,
            "events/s of the burst, one process": BURST / burst.seconds,
        },
    )
    measured.met = (measured.ratio or 0) >= 1.6
    return measured


@capability(
    "replay_events --verify",
    "The mirror rebuilt from the inbox beside the live one",
    "≥ 5,000 events/s, bounded memory",
    scaled=False,
)
def replayed() -> Measured:
    settle()
    there = StripeEvent.objects.count()
    if there < BURST:
        processed(BURST - there)
        there = StripeEvent.objects.count()
    runs = [command("replay_events", "--verify") for _ in range(2)]

    def read() -> None:
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT payload::text FROM payments_stripeevent ORDER BY id")
            while batch := cursor.fetchmany(1_000):
                for (payload,) in batch:
                    json.loads(payload)

    limit = [there / seconds(read) for _ in range(2)]
    rates = [there / run.seconds for run in runs]
    return Measured(
        unit="events/s",
        ours=Figure.of(rates),
        limit=Figure.of(limit),
        limit_is="each payload read and parsed",
        met=Figure.of(rates).median >= 5_000,
        detail={"events": there, "peak MB": max(run.peak_mb for run in runs)},
    )
