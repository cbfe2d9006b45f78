"""People decide about issues while runs of the checks change them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import cycle

import pytest
from django.db import connection

from monitoring.models import Issue, IssueTransition
from monitoring.registry import Finding
from monitoring.services.runs import run_checks
from monitoring.services.triage import ACCEPT, REOPEN, decide
from monitoring.tests.conftest import Register

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 300


def test_a_decision_and_a_run_wait_for_one_another_and_never_deadlock(register: Register) -> None:
    # Found in the other order than the issues are numbered, as a join may have them.
    found = [Finding("orders.order", str(n), "odd") for n in range(COUNT)]
    amounts = iter(range(1, 1_000))

    def changing(now: object) -> list[Finding]:
        minor = next(amounts)
        return [
            Finding("orders.order", one.subject_id, "odd", {"n": minor}) for one in reversed(found)
        ]

    register("odd", lambda now: found)
    run_checks(["odd"])
    register("odd", changing)
    keys = list(Issue.objects.values_list("pk", flat=True))
    together = threading.Barrier(2)
    errors: list[object] = []

    def repeat(step: Callable[[], object]) -> None:
        try:
            together.wait()
            for _ in range(8):
                step()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def run() -> None:
        errors.extend(one["error"] for one in run_checks(["odd"]).results if one["error"])

    decisions = cycle([ACCEPT, REOPEN])
    threads = [
        threading.Thread(target=repeat, args=[run]),
        threading.Thread(
            target=repeat, args=[lambda: decide(next(decisions), keys, reason="known")]
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    # Each step leads on from where the one before it left.
    for key in keys[:20]:
        steps = IssueTransition.objects.filter(issue=key).order_by("id")
        before = ""
        for step in steps:
            assert step.from_status == before
            before = step.to_status
        assert Issue.objects.get(pk=key).status == before
