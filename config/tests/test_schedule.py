"""What the schedule names can run, and a tick runs."""

from __future__ import annotations

import asyncio
import inspect
from typing import cast

import pytest
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from analyticsapp.models import SnapshotState
from config import schedule
from config.tests.processes import StartWorker

SCHEDULED = {
    "schedule.process_events": "* * * * *",
    "schedule.drain_reads": "* * * * *",
    "schedule.send_refunds": "* * * * *",
    "schedule.settle_waiting": "* * * * *",
    "schedule.refresh_snapshots": "* * * * *",
    "schedule.seal_audit": "* * * * *",
    "schedule.verify_audit": "41 3 * * *",
    "schedule.sync_stripe": "*/15 * * * *",
    "schedule.run_checks": "7 * * * *",
    "schedule.send_alerts": "* * * * *",
    "schedule.backup": "41 2 * * *",
    "schedule.restore_drill": "41 4 * * 0",
    "schedule.purge_expired": "11 3 * * *",
    "schedule.forget_runs": "23 3 * * *",
    "schedule.requeue_stalled_jobs": "* * * * *",
}


def test_everything_that_must_happen_by_itself_is_scheduled() -> None:
    found = {
        task.task.name: task.cron
        for task in app.periodic_registry.periodic_tasks.values()
        if task.task.name.startswith(schedule.__name__.removeprefix("config."))
    }
    assert found == SCHEDULED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SCHEDULED)
def test_each_scheduled_task_runs_on_an_empty_database_without_a_key(
    name: str, settings: object
) -> None:
    task = app.tasks[name]
    if not inspect.iscoroutinefunction(task.func):
        task.func(timestamp=0)
        return

    async def run() -> None:
        with app.replace_connector(cast(DjangoConnector, app.connector).get_worker_connector()):
            async with app.open_async():
                await task.func(timestamp=0)

    asyncio.run(run())


@pytest.mark.django_db(transaction=True)
def test_a_worker_runs_what_is_due(worker: StartWorker) -> None:
    running = worker(schedule=True)
    running.wait_for(SnapshotState.objects.exists, "done with the tick of this minute")
