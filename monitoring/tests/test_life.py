"""The life of an issue: what people decide about it, and what a run makes of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from config.tests.rows import build
from monitoring.models import Issue, IssueTransition, Severity
from monitoring.registry import Finding, amount, moment, reference, rows
from monitoring.selectors import open_issues, set_aside
from monitoring.services.runs import run_checks
from monitoring.services.triage import (
    ACCEPT,
    ACKNOWLEDGE,
    MUTE,
    REOPEN,
    RESOLVE,
    BadMute,
    Decision,
    IssueChanged,
    ReasonMissing,
    decide,
    decide_one,
    note,
)
from monitoring.tests.conftest import Register
from payments.models import Charge

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Subject:
    """One order of which a check says that it is odd, as long as it is there."""

    def __init__(self, register: Register) -> None:
        self.there = True
        self.severity = Severity.MEDIUM
        self.minor, self.seen, self.counted = 500, NOW, 3
        self.charge = "ch_1"
        self.register = register
        self.judged_by()

    def judged_by(self, *numbers: str) -> None:
        """Say which numbers the check is about."""
        self.register("odd", lambda now: [self.finding()] if self.there else [], numbers=numbers)

    def finding(self) -> Finding:
        return Finding(
            subject_type="orders.order",
            subject_id="1",
            summary="order 1 is odd",
            evidence={
                "lacking": amount(self.minor, "eur"),
                "units": self.counted,
                "seen": moment(self.seen),
                "newest": reference(Charge, self.charge),
            },
            amount_minor=self.minor,
            currency="eur",
            severity=self.severity,
        )

    def run(self, at: datetime = NOW) -> Issue:
        self.seen = at
        run = run_checks(["odd"], now=at)
        assert not run.crashed
        return Issue.objects.get()

    def decide(self, decision: Decision, **values: Any) -> Issue:
        return decide_one(decision, Issue.objects.get().pk, **{"reason": "known", **values})


@pytest.fixture
def odd(register: Register) -> Subject:
    return Subject(register)


def steps() -> list[tuple[str, str, str]]:
    return list(
        IssueTransition.objects.order_by("id").values_list("from_status", "to_status", "reason")
    )


def test_acknowledged_stays_so_while_it_is_found_and_resolves_when_it_is_gone(
    odd: Subject, operator: User
) -> None:
    odd.run()
    with pytest.raises(ReasonMissing):  # no person who could be at it
        odd.decide(ACKNOWLEDGE, reason="")
    with acting_as(Actor("olive", operator)):
        odd.decide(ACKNOWLEDGE, reason="")
    odd.minor = 900
    issue = odd.run(NOW + HOUR)
    assert (issue.status, issue.amount_minor, issue.occurrences) == ("acknowledged", 900, 2)
    assert list(open_issues()) == [issue]
    odd.there = False
    assert odd.run(NOW + 2 * HOUR).status == "resolved"
    assert steps()[1:] == [
        ("open", "acknowledged", ""),
        ("acknowledged", "resolved", "no longer found"),
    ]


@pytest.mark.parametrize("decision", [ACKNOWLEDGE, MUTE])
def test_what_was_decided_ends_when_the_severity_rises(odd: Subject, decision: Decision) -> None:
    odd.run()
    odd.decide(decision, now=NOW, **({"until": NOW + DAY} if decision is MUTE else {}))
    odd.severity = Severity.LOW
    assert odd.run(NOW + HOUR).status == decision.to
    odd.severity = Severity.CRITICAL
    issue = odd.run(NOW + 2 * HOUR)
    assert (issue.status, issue.severity, issue.reopened) == ("open", "critical", 1)
    assert issue.muted_until is None
    assert steps()[-1] == (decision.to, "open", "its severity rose from low to critical")


def test_muted_until_its_date_then_open_at_the_next_run(odd: Subject) -> None:
    odd.run()
    odd.decide(MUTE, until=NOW + DAY, now=NOW)
    odd.minor = 900
    issue = odd.run(NOW + DAY - HOUR)
    assert (issue.status, issue.muted_until, issue.amount_minor) == ("muted", NOW + DAY, 900)
    assert not open_issues().exists()
    assert set_aside() == {"muted": 1, "accepted": 0}
    issue = odd.run(NOW + DAY)
    assert (issue.status, issue.muted_until, issue.reopened) == ("open", None, 1)
    assert steps()[-1] == ("muted", "open", "its mute ended")


def test_muted_and_gone_is_resolved(odd: Subject) -> None:
    odd.run()
    odd.decide(MUTE, until=NOW + DAY, now=NOW)
    odd.there = False
    issue = odd.run(NOW + HOUR)
    assert (issue.status, issue.muted_until) == ("resolved", None)
    odd.there = True  # the mute was of what is over
    assert odd.run(NOW + 2 * HOUR).status == "open"
    assert steps()[-1] == ("resolved", "open", "")


def test_accepted_stays_so_while_its_numbers_stay(odd: Subject) -> None:
    odd.run()
    odd.decide(ACCEPT)
    odd.severity = Severity.CRITICAL  # time passes, and that is what was accepted
    odd.charge = "ch_2"
    issue = odd.run(NOW + DAY)
    assert (issue.status, issue.reopened) == ("accepted", 0)
    assert set_aside(["odd"]) == {"muted": 0, "accepted": 1}
    assert set_aside(["even"]) == {"muted": 0, "accepted": 0}
    assert not open_issues().exists()


@pytest.mark.parametrize(("name", "value"), [("minor", 501), ("counted", 4)])
def test_accepted_is_open_again_when_a_number_changes(odd: Subject, name: str, value: int) -> None:
    odd.run()
    odd.decide(ACCEPT)
    setattr(odd, name, value)
    issue = odd.run(NOW + DAY)
    assert (issue.status, issue.reopened) == ("open", 1)
    assert steps()[-1] == ("accepted", "open", "its numbers aren't those that were accepted")


def test_a_check_says_which_numbers_an_acceptance_stands_on(odd: Subject) -> None:
    odd.judged_by("units")
    odd.run()
    odd.decide(ACCEPT)
    odd.counted = 4
    assert odd.run(NOW + HOUR).status == "open"
    odd.judged_by("lacking")
    odd.decide(ACCEPT)
    odd.counted = 5
    assert odd.run(NOW + 2 * HOUR).status == "accepted"


def test_accepted_and_gone_is_resolved(odd: Subject) -> None:
    odd.run()
    odd.decide(ACCEPT)
    odd.there = False
    assert odd.run(NOW + DAY).status == "resolved"


def test_resolved_by_hand_and_still_wrong_is_open_again_and_says_so(odd: Subject) -> None:
    odd.run()
    issue = odd.decide(RESOLVE, now=NOW)
    assert (issue.status, issue.resolved_at) == ("resolved", NOW)
    issue = odd.run(NOW + HOUR)
    assert (issue.status, issue.resolved_at, issue.reopened) == ("open", None, 1)
    assert steps()[-1] == ("resolved", "open", "it was resolved by hand and is still wrong")


def test_resolved_by_a_run_comes_back_without_that_reproach(odd: Subject) -> None:
    odd.run()
    odd.decide(RESOLVE)
    odd.run()
    odd.there = False
    odd.run()
    odd.there = True
    assert odd.run().reopened == 2
    assert steps()[-1] == ("resolved", "open", "")


def test_a_decision_is_taken_back(odd: Subject) -> None:
    odd.run()
    odd.decide(MUTE, until=NOW + DAY, now=NOW)
    issue = odd.decide(REOPEN, reason="wrong one")
    assert (issue.status, issue.muted_until, issue.reopened) == ("open", None, 0)
    issue.refresh_from_db()
    assert (issue.status, issue.muted_until) == ("open", None)


def test_a_decision_says_who_why_and_when_in_transition_and_audit_log(
    odd: Subject, operator: User
) -> None:
    issue = odd.run()
    with acting_as(Actor("olive", operator)):
        odd.decide(MUTE, until=NOW + DAY, reason=" waits for the bank ", now=NOW)
        note(issue.pk, "called them")
    step = IssueTransition.objects.latest("id")
    assert (step.actor, step.reason, step.until) == (operator, "waits for the bank", NOW + DAY)
    assert (step.word, step.who) == ("muted until 2026-05-02 10:00 UTC", "olive")
    assert step.evidence == issue.evidence
    muted, noted = AuditEvent.objects.filter(target_type="monitoring.issue").order_by("id")
    assert (muted.action, muted.actor, muted.reason) == (
        "issue.muted",
        operator,
        "waits for the bank",
    )
    assert muted.before == {"status": "open"}
    assert muted.after == {"status": "muted", "until": (NOW + DAY).isoformat()}
    assert (noted.action, noted.reason) == ("issue.noted", "called them")


@pytest.mark.parametrize("decision", [MUTE, ACCEPT, RESOLVE, REOPEN])
def test_setting_aside_needs_a_reason(odd: Subject, decision: Decision) -> None:
    odd.run()
    with pytest.raises(ReasonMissing):
        odd.decide(decision, reason=" ")
    assert len(steps()) == 1


@pytest.mark.parametrize("until", [None, NOW, NOW - DAY, NOW + 367 * DAY])
def test_a_mute_ends_within_a_year(odd: Subject, until: datetime | None) -> None:
    odd.run()
    with pytest.raises(BadMute):
        odd.decide(MUTE, until=until, now=NOW)
    with pytest.raises(BadMute):
        odd.decide(ACCEPT, until=NOW + DAY, now=NOW)
    assert Issue.objects.get().status == "open"


def test_what_is_resolved_or_gone_is_not_decided_about(odd: Subject) -> None:
    odd.run()
    odd.there = False
    issue = odd.run()
    for decision in (ACKNOWLEDGE, ACCEPT, RESOLVE, REOPEN):
        with pytest.raises(IssueChanged, match="it is resolved"):
            odd.decide(decision)
    with pytest.raises(IssueChanged, match="there is no such issue"):
        decide_one(ACCEPT, issue.pk + 1, reason="known")
    assert not AuditEvent.objects.filter(target_type="monitoring.issue").exists()


def test_many_are_decided_about_with_as_many_statements_as_few(queries: Any) -> None:
    def statements(count: int) -> int:
        keys = [build(Issue, subject_id=f"{count}-{n}").pk for n in range(count)]
        keys.append(build(Issue, status="resolved", resolved_at=NOW, subject_id=f"{count}").pk)
        with queries() as captured:
            decided = decide(MUTE, keys, reason="known", until=NOW + DAY, now=NOW)
        assert len(decided.changed) == count
        assert decided.refused == {keys[-1]: "it is resolved"}
        return len(captured)

    assert statements(1_000) == statements(3) <= 6
    assert Issue.objects.filter(status="muted", muted_until=NOW + DAY).count() == 1_003
    assert IssueTransition.objects.filter(to_status="muted").count() == 1_003
    assert AuditEvent.objects.filter(action="issue.muted").count() == 1_003


def test_what_was_decided_costs_a_run_no_statement(register: Register, queries: Any) -> None:
    def found(count: int, minor: int) -> Any:
        sql = "SELECT n FROM generate_series(1, %(count)s) AS n"
        return lambda now: (
            Finding("orders.order", str(row["n"]), "odd", amount_minor=minor, currency="eur")
            for row in rows(sql, {"count": count})
        )

    def statements(name: str, count: int) -> int:
        register(name, found(count, 1))
        run_checks([name], now=NOW)
        keys = list(
            Issue.objects.filter(check_name=name).order_by("id").values_list("pk", flat=True)
        )
        for decision, start in ((ACKNOWLEDGE, 0), (MUTE, 1), (ACCEPT, 2), (RESOLVE, 3)):
            until = NOW + HOUR if decision is MUTE else None
            decide(decision, keys[start::5], reason="known", until=until, now=NOW)
        register(name, found(count, 2))
        with queries() as captured:
            run = run_checks([name], now=NOW + DAY)
        assert run.reopened == 3 * count // 5
        return len(captured)

    assert statements("few", 10) == statements("many", 2_000)


@pytest.mark.parametrize(
    "values",
    [
        {"status": "snoozed"},
        {"status": "muted"},
        {"muted_until": NOW},
        {"status": "accepted", "resolved_at": NOW},
        {"status": "resolved"},
    ],
)
def test_the_database_refuses_a_life_that_cannot_be(values: dict[str, Any]) -> None:
    issue = build(Issue)
    with pytest.raises(IntegrityError), transaction.atomic():
        Issue.objects.filter(pk=issue.pk).update(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"to_status": "accepted", "reason": ""},
        {"to_status": "acknowledged", "reason": ""},
        {"to_status": "resolved", "reason": ""},
        {"to_status": "muted", "reason": "why"},
        {"to_status": "open", "reason": "why", "until": NOW},
        {"to_status": "snoozed", "reason": "why"},
    ],
)
def test_the_database_refuses_a_step_without_cause_or_end(values: dict[str, Any]) -> None:
    issue = build(Issue)
    with pytest.raises(IntegrityError), transaction.atomic():
        IssueTransition.objects.create(issue=issue, at=NOW, from_status="open", **values)
