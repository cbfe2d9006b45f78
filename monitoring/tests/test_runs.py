"""Runs of the checks: what they keep, what they audit, and what they cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from auditlog.context import acting_as, job
from auditlog.models import AuditEvent
from monitoring.models import CheckRun, Issue, IssueTransition, Severity
from monitoring.registry import BATCH, Finding, UnknownCheck, rows
from monitoring.services.runs import CheckResult, run_checks
from monitoring.tests.conftest import Register

NOW = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def subject(number: int = 1, **values: Any) -> Finding:
    return Finding(
        **{
            "subject_type": "orders.order",
            "subject_id": str(number),
            "summary": f"order {number} is odd",
            "evidence": {"number": number},
            "amount_minor": 100 * number,
            "currency": "eur",
            **values,
        }
    )


@pytest.mark.django_db
def test_found_again_stays_open_with_the_newest_numbers(register: Register) -> None:
    register("odd", lambda now: [subject()])
    run_checks(["odd"], now=NOW)
    register("odd", lambda now: [subject(summary="worse", amount_minor=700)])
    run = run_checks(["odd"], now=LATER)
    issue = Issue.objects.get()
    assert (issue.summary, issue.amount_minor, issue.occurrences) == ("worse", 700, 2)
    assert (issue.first_seen, issue.last_seen) == (NOW, LATER)
    assert (run.found, run.opened, run.resolved) == (1, 0, 0)


@pytest.mark.django_db
def test_a_finding_may_be_worse_than_its_check(register: Register) -> None:
    register("odd", lambda now: [subject(severity=Severity.CRITICAL), subject(2)])
    run_checks(["odd"])
    assert dict(Issue.objects.values_list("subject_id", "severity")) == {
        "1": "critical",
        "2": "medium",
    }


@pytest.mark.django_db
def test_of_two_findings_about_one_subject_the_first_counts(register: Register) -> None:
    register("odd", lambda now: [subject(summary="first"), subject(summary="second")])
    run = run_checks(["odd"])
    assert run.found == 1
    assert Issue.objects.get().summary == "first"


@pytest.mark.django_db
def test_a_run_leaves_the_issues_of_other_checks_alone(register: Register) -> None:
    register("odd", lambda now: [subject()])
    register("even", lambda now: [])
    run_checks(["odd"])
    run_checks(["even"])
    assert Issue.objects.get().status == "open"


@pytest.mark.django_db
def test_a_check_that_raises_is_an_issue_and_hides_no_other(register: Register) -> None:
    def breaks(now: datetime) -> Iterator[Finding]:
        yield subject(1)
        yield from rows("SELECT 1 / 0 AS x", {})  # type: ignore[misc]

    register("broken", breaks)
    register("odd", lambda now: [subject()])
    run = run_checks(["broken", "odd"], now=NOW)
    assert run.crashed == 1
    by_check = {result["check"]: result for result in run.results}
    assert "division by zero" in by_check["broken"]["error"]
    assert by_check["odd"]["opened"] == 1
    crash = Issue.objects.get(check_name="check_crashed")
    assert (crash.subject_id, crash.severity, crash.status) == ("broken", "critical", "open")
    assert not Issue.objects.filter(check_name="broken").exists()  # rolled back with the check

    run_checks(["odd"], now=LATER)  # says nothing about the broken one
    crash.refresh_from_db()
    assert crash.status == "open"

    register("broken", lambda now: [])
    run_checks(["broken"], now=LATER)
    crash.refresh_from_db()
    assert crash.status == "resolved"


@pytest.mark.django_db
def test_a_crash_keeps_the_issues_that_the_check_has(register: Register) -> None:
    def raises(now: datetime) -> list[Finding]:
        raise RuntimeError("no luck")

    register("odd", lambda now: [subject()])
    run_checks(["odd"])
    register("odd", raises)
    run_checks(["odd"])
    assert Issue.objects.get(check_name="odd").status == "open"


@pytest.mark.django_db
def test_the_issues_of_a_check_that_is_gone_resolve_with_a_run_of_all(register: Register) -> None:
    from monitoring import registry

    register("odd", lambda now: [subject()])
    run_checks(["odd"])
    del registry._checks["odd"]
    run_checks(["dead_events"])
    assert Issue.objects.get().status == "open"
    run = run_checks()
    assert Issue.objects.get().status == "resolved"
    assert run.resolved == 1
    assert IssueTransition.objects.order_by("-id")[0].reason == "its check is gone"


@pytest.mark.django_db
def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UnknownCheck, match=r"No check is named typo\. There are: amount_mismatch"):
        run_checks(["typo"])
    assert not CheckRun.objects.exists()


@pytest.mark.django_db
def test_a_run_is_kept_with_durations_and_audited_with_what_it_changed(register: Register) -> None:
    register("odd", lambda now: [subject(1), subject(2)])
    seen: list[CheckResult] = []
    with acting_as(job("run_checks")):
        run = run_checks(["odd"], watch=seen.append)
    kept = CheckRun.objects.get(pk=run.pk)
    assert kept.actor_name == "job:run_checks"
    assert kept.finished_at is not None
    assert [result["check"] for result in kept.results] == ["odd"] == [one.check for one in seen]
    assert kept.results[0]["milliseconds"] >= 0
    audited = AuditEvent.objects.order_by("id")
    assert [event.action for event in audited] == [
        "monitoring.run_started",
        "monitoring.issues",
        "monitoring.run",
    ]
    assert {event.target_id for event in audited} == {str(run.pk)}
    assert {event.actor_name for event in audited} == {"job:run_checks"}
    assert audited[1].after == {"opened": 2, "reopened": 0, "resolved": 0}

    run_checks(["odd"])  # changes no issue, so there is nothing of them to audit
    assert AuditEvent.objects.filter(action="monitoring.issues").count() == 1


@pytest.mark.django_db
def test_statements_do_not_grow_with_the_findings(register: Register, queries: Any) -> None:
    def generated(count: int) -> Any:
        sql = "SELECT n FROM generate_series(1, %(count)s) AS n"
        return lambda now: (subject(row["n"]) for row in rows(sql, {"count": count}))

    def statements(name: str, count: int) -> list[int]:
        """Of runs that open, keep, resolve and re-open ``count`` issues."""
        lengths = []
        for found in (count, count, 1, count):
            register(name, generated(found))
            with queries() as captured:
                run = run_checks([name])
            assert not run.crashed
            lengths.append(len(captured))
        assert Issue.objects.filter(check_name=name, status="open").count() == count
        assert Issue.objects.filter(check_name=name, reopened=1).count() == count - 1
        return lengths

    few, many = statements("few", 10), statements("many", 10_000)
    more_batches = -(-10_000 // BATCH) - 1
    assert more_batches
    assert many == [few[0] + more_batches, few[1] + more_batches, few[2], few[3] + more_batches]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_double_nothing(register: Register) -> None:
    together = threading.Barrier(2)

    def slowly(now: datetime) -> Iterator[Finding]:
        yield from (subject(number) for number in range(20))
        time.sleep(0.2)  # both would have looked before either had written

    register("odd", slowly)
    runs: list[CheckRun] = []

    def run() -> None:
        together.wait()
        try:
            runs.append(run_checks(["odd"]))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.crashed for run in runs] == [0, 0]
    assert sorted(run.opened for run in runs) == [0, 20]
    assert Issue.objects.count() == 20
    assert IssueTransition.objects.count() == 20


@pytest.mark.django_db
def test_a_check_that_takes_too_long_is_reported(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.services.issues.TIMEOUT", "50ms")
    register("slow", lambda now: (subject() for _ in rows("SELECT pg_sleep(2)::text", {})))
    run = run_checks(["slow"])
    assert run.crashed == 1
    assert "statement timeout" in run.results[0]["error"]


@pytest.mark.django_db
def test_the_history_of_issues_only_grows(register: Register) -> None:
    from django.db import DatabaseError

    register("odd", lambda now: [subject()])
    run_checks(["odd"])
    step = IssueTransition.objects.get()
    for change in (
        lambda: IssueTransition.objects.update(reason="rewritten"),
        lambda: step.delete(),
        lambda: connection.cursor().execute("TRUNCATE monitoring_issuetransition"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.django_db
def test_the_scheduled_run_is_a_jobs_act() -> None:
    from monitoring import tasks

    tasks.run_checks()
    assert CheckRun.objects.get().actor_name == "job:run_checks"
