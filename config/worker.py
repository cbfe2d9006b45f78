"""The worker: runs jobs until it is told to stop, through outages of the database.

procrastinate's own worker ends, with exit code 0, when the database is away for a second. This one
starts it again as soon as the database is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
from procrastinate import App, JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker

from auditlog.context import acting_as, job
from config.logs import working_on

logger = logging.getLogger(__name__)

# procrastinate forgets a notification that comes while it is looking for jobs (it clears the event
# after the look), so it looks again this many seconds later.
POLLING = 1.0
HEARTBEAT = 5.0  # seconds between a worker's signs of life
STALLED_AFTER = 20.0  # seconds without one, and its jobs are somebody else's
# Seconds that a worker whose database is gone waits for it to sign off.
POOL_PATIENCE = 2.0
# Asked to stop, it waits for its running jobs as long as it likes, but only so many seconds of them
# without a database: they can't end well then, and are run again.
STOP_PATIENCE = 4.0
PROBE_TIMEOUT = 1.0
RETRY_AFTER = (0.2, 0.5, 1.0, 2.0)  # seconds; the last one for ever after
# One job for what webhooks brought, and room for the slow ones beside it.
CONCURRENCY = 4


def as_job(call_next: Callable[[], Any], context: JobContext, worker: Worker) -> Any:
    """Make the job the actor of what its task writes, and name it in its log lines."""
    request_id = str(context.job.task_kwargs.get("request_id") or "")
    with acting_as(job(context.job.task_name, request_id)), working_on(context.job):
        return call_next()


async def run(stop: asyncio.Event, *, concurrency: int = CONCURRENCY) -> bool:
    """Run jobs until ``stop`` is set, then finish those that are running and return.

    False if they couldn't be finished because the database went away: they run still.
    """
    failures = 0
    while not stop.is_set():
        session = asyncio.create_task(_session(concurrency))
        stopping = asyncio.create_task(stop.wait())
        started = asyncio.get_running_loop().time()
        await asyncio.wait({session, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            session.cancel()  # procrastinate takes it as the wish to stop when its jobs are done
            if not await _finish(session):
                return False
        [ended] = await asyncio.gather(session, return_exceptions=True)
        stopping.cancel()
        if stop.is_set():
            return True
        if isinstance(ended, BaseException):
            reason = str(ended.__cause__ or ended).strip().splitlines() or [type(ended).__name__]
            logger.warning("The worker lost the database: %s", reason[0])
        if asyncio.get_running_loop().time() - started > RETRY_AFTER[-1] * 10:
            failures = 0
        pause = RETRY_AFTER[min(failures, len(RETRY_AFTER) - 1)]
        failures += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
    return True


async def _finish(session: asyncio.Task[None]) -> bool:
    """Wait until the session has ended; False if its database stays away meanwhile."""
    now = asyncio.get_running_loop().time
    answered = now()
    while not session.done():
        try:
            async with asyncio.timeout(PROBE_TIMEOUT), await _connect():
                answered = now()
        except (TimeoutError, psycopg.OperationalError):
            if now() - answered > STOP_PATIENCE:
                return False
        await asyncio.wait({session}, timeout=0.5)
    return True


async def _connect() -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(**connector_params())


async def _session(concurrency: int) -> None:
    """Run procrastinate's worker over connections of its own, as long as they last."""
    # A pool waits ever longer between its tries; this fails at once while there is no server.
    async with await _connect():
        pass
    connector = PsycopgConnector(kwargs=connector_params(), timeout=POOL_PATIENCE)
    with app.replace_connector(connector):
        async with app.open_async():
            await requeue_stalled(app)
            middleware = list(app.worker_defaults.get("task_middleware") or [])
            await app.run_worker_async(
                concurrency=concurrency,
                fetch_job_polling_interval=POLLING,
                install_signal_handlers=False,
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED_AFTER,
                task_middleware=[*middleware, as_job],
            )


async def requeue_stalled(app: App) -> int:
    """Queue the jobs of workers that died in the middle of them again; return how many.

    Their tasks must bear being run twice, which every task of ours does.
    """
    stalled: list[Job] = list(
        await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER)
    )
    for each in stalled:
        try:
            await app.job_manager.retry_job(each)
        except UniqueViolation:
            # Its like is waiting already under the same queueing lock, and will do its work.
            await app.job_manager.finish_job(each, status=Status.ABORTED, delete_job=True)
        logger.warning("The job %s of a worker that died is queued again", each.call_string)
    return len(stalled)


async def run_until_signal(*, concurrency: int = CONCURRENCY) -> None:
    """Run jobs until SIGTERM or SIGINT; a second signal ends the process at once.

    So does a database that has gone away: threads that wait for it can't be ended otherwise.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_once(number: int) -> None:
        logger.info("Stopping when the running jobs are done")
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_once, number)
    if not await run(stop, concurrency=concurrency):
        logger.warning("The database is away: jobs that were running will be run again")
        logging.shutdown()
        os._exit(1)
