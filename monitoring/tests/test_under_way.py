"""The button: one run of all checks at a time, seen while it goes on; a dead one blocks nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from config.tests.processes import Running, StartWorker, environment, start
from config.tests.rows import build
from config.tests.story import eventually
from monitoring import registry, tasks
from monitoring.models import BackgroundJob, CheckRun, Issue
from monitoring.registry import Finding
from monitoring.services.retention import KEPT_FOR, forget_runs
from monitoring.services.runs import AlreadyUnderWay, CheckResult, run_checks
from monitoring.services.under_way import HELD, ask_for_run, under_way
from monitoring.tests.conftest import Register
from monitoring.tests.test_runs import subject
from payments.tests.test_concurrency import together

pytestmark = pytest.mark.django_db
RUNS = "admin:monitoring_checkrun_changelist"
ISSUES = "admin:monitoring_issue_changelist"
BUTTON = "Run the checks</button>"


def press(client: Client) -> str:
    """Press the button; the text of the page that follows."""
    response = client.post(reverse("admin:monitoring_checkrun_run"), follow=True)
    return response.content.decode()


def queued() -> list[dict[str, Any]]:
    jobs = BackgroundJob.objects.filter(task_name="monitoring.run_checks", status="todo")
    return list(jobs.values_list("args", flat=True))


@pytest.fixture
def goes_on() -> Iterator[CheckRun]:
    """A run of all checks that another session is at work on."""
    run = CheckRun.objects.create(
        started_at=timezone.now(),
        actor_name="olive",
        results=[asdict(CheckResult(name, 0, 0, 0, 0, 1)) for name in ("one", "two")],
    )
    session = connection.copy()
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [HELD, run.pk])
        yield run
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [HELD, run.pk])
    session.close()


@pytest.mark.parametrize("page", [RUNS, ISSUES])
def test_the_button_stands_on_the_lists_for_those_who_may(
    page: str, client: Client, operator: User, auditor: User
) -> None:
    client.force_login(operator)
    assert BUTTON in client.get(reverse(page)).content.decode()
    client.force_login(auditor)
    assert BUTTON not in client.get(reverse(page)).content.decode()


def test_pressed_twice_it_queues_one_run(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert "The checks will be run." in press(client)
    text = press(client)
    assert "is under way already; none was added" in text
    assert "waits for a worker to take it up" in text
    assert BUTTON not in text
    [event] = AuditEvent.objects.filter(action="monitoring.run_asked")
    assert event.actor == operator
    assert queued() == [{"asked_by": operator.pk, "request_id": event.request_id}]


def test_it_takes_a_post_and_the_permission(client: Client, operator: User, auditor: User) -> None:
    client.force_login(operator)
    assert client.get(reverse("admin:monitoring_checkrun_run")).status_code == 405
    client.force_login(auditor)
    assert client.post(reverse("admin:monitoring_checkrun_run")).status_code == 403
    assert queued() == []


@pytest.mark.django_db(transaction=True)
def test_several_people_at_once_queue_one_run(operator: User) -> None:
    def ask(number: int) -> bool:
        with acting_as(Actor("olive", operator)):
            return ask_for_run()

    assert sorted(together(4, ask)) == [False, False, False, True]
    assert len(queued()) == 1
    assert AuditEvent.objects.filter(action="monitoring.run_asked").count() == 1


def test_a_run_that_the_schedule_has_queued_is_one(client: Client, operator: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, queueing_lock) "
            "VALUES ('default', 'schedule.run_checks', '{}', %s)",
            [tasks.CHECKS_LOCK],
        )
    client.force_login(operator)
    assert "is under way already" in press(client)
    assert queued() == []


def test_while_one_goes_on_the_lists_say_how_far_it_is(
    goes_on: CheckRun, client: Client, operator: User
) -> None:
    client.force_login(operator)
    assert "is under way already" in press(client)
    assert queued() == []
    of = len(registry.all_checks())
    for page, refresh in ((RUNS, "3"), (ISSUES, None)):
        response = client.get(reverse(page))
        text = response.content.decode()
        assert f"is under way: 2 of {of} checks done" in text
        assert "olive started it" in text
        assert BUTTON not in text
        # One who chooses issues must not lose what is chosen.
        assert response.get("Refresh") == refresh
    text = client.get(
        reverse("admin:monitoring_checkrun_change", args=[goes_on.pk])
    ).content.decode()
    assert f"under way, 2 of {of} checks done" in text


def test_a_job_starts_no_second_run_and_a_command_does(goes_on: CheckRun) -> None:
    with pytest.raises(AlreadyUnderWay, match="run of 20"):
        run_checks(alone=True)
    tasks.run_checks()
    assert CheckRun.objects.count() == 1
    assert run_checks().finished_at  # what a build or a person asks for, they get
    assert run_checks(["dead_events"]).finished_at


@pytest.mark.django_db(transaction=True)
def test_of_several_jobs_at_once_one_runs(register: Register) -> None:
    refused = threading.Barrier(3)  # the one that runs, and the others

    def waits(now: datetime) -> list[Finding]:
        refused.wait(60)
        return [subject()]

    register("odd", waits)

    def run(number: int) -> bool:
        try:
            run_checks(alone=True)
        except AlreadyUnderWay:
            refused.wait(60)
            return False
        return True

    assert sorted(together(3, run)) == [False, False, True]
    assert CheckRun.objects.count() == 1
    assert Issue.objects.get().occurrences == 1
    assert under_way() is None


@pytest.mark.django_db(transaction=True)
def test_a_worker_runs_what_was_asked_for_as_an_act_of_who_asked(
    client: Client, operator: User, worker: StartWorker
) -> None:
    client.force_login(operator)
    press(client)
    worker().wait_for(CheckRun.objects.filter(finished_at__isnull=False).exists, "done")
    assert CheckRun.objects.get().actor_name == "olive"
    started = AuditEvent.objects.get(action="monitoring.run_started")
    assert started.actor == operator


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_process_was_killed_is_told_as_dead_and_blocks_nothing(
    client: Client, operator: User, processes: list[Running]
) -> None:
    each = start("run", ["-m", "monitoring.tests.hold_a_run"], environment())
    processes.append(each)
    others = len(registry.all_checks())

    def hangs() -> bool:
        run = CheckRun.objects.first()
        return bool(run and len(run.results) == others)

    each.wait_for(hangs, "at its last check")
    client.force_login(operator)
    assert "is under way already" in press(client)
    each.kill()
    eventually(lambda: under_way() is None, "the server has noticed")
    text = client.get(reverse(RUNS)).content.decode()
    assert f"died after {others} of {others} checks: its process was ended" in text
    assert BUTTON in text
    assert "The checks will be run." in press(client)


@pytest.mark.django_db(transaction=True)
def test_a_run_outlives_the_loss_of_its_connection(register: Register) -> None:
    seen: list[bool] = []

    def loses(now: datetime) -> list[Finding]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return []

    def looks(now: datetime) -> list[Finding]:
        seen.append(under_way() is not None)
        return []

    for name in list(registry._checks):
        del registry._checks[name]
    register("loses", loses)
    register("looks", looks)
    run = run_checks(alone=True)
    assert (run.crashed, run.finished_at is not None) == (1, True)
    assert seen == [True]
    assert under_way() is None


def test_a_list_of_runs_costs_the_same_however_many_died(
    client: Client, auditor: User, queries: Any
) -> None:
    client.force_login(auditor)

    def statements() -> int:
        with queries() as captured:
            client.get(reverse(RUNS))
        return len(captured)

    run_checks()
    statements()
    before = statements()
    for _ in range(20):
        CheckRun.objects.create(started_at=timezone.now(), actor_name="gone")
    assert statements() == before


def test_old_runs_are_forgotten_but_for_those_that_issues_name(register: Register) -> None:
    now = timezone.now()
    old = now - KEPT_FOR - timedelta(days=1)
    register("odd", lambda now: [subject()])
    opened = run_checks(["odd"], now=old)
    idle = [run_checks(["dead_events"], now=old) for _ in range(3)]
    recent = run_checks(["dead_events"], now=now - KEPT_FOR + timedelta(days=1))
    last = run_checks(["odd"], now=old)
    build(CheckRun, started_at=old, finished_at=None)  # one that died
    assert forget_runs(now=now) == len(idle) + 1
    assert set(CheckRun.objects.values_list("pk", flat=True)) == {opened.pk, recent.pk, last.pk}
    assert AuditEvent.objects.latest("id").after == {"runs": 4, "alerts": 0}
    assert forget_runs(now=now) == 0
    assert AuditEvent.objects.filter(action="monitoring.forgotten").count() == 1
