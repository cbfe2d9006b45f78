"""``manage.py run_checks``: exit codes and formats."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitoring import registry
from monitoring.models import Issue, Severity
from monitoring.services.triage import ACCEPT, ACKNOWLEDGE, MUTE, decide
from monitoring.tests.conftest import Register
from monitoring.tests.test_runs import subject

pytestmark = pytest.mark.django_db


def run(*arguments: str, capsys: Any) -> tuple[int, str]:
    """The exit code and what was printed."""
    code = 0
    try:
        call_command("run_checks", *arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().out


def raises(now: datetime) -> list[Any]:
    raise RuntimeError("no luck\nat all")


def test_issues_fail_only_when_asked_to(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject()])
    assert run("--only", "odd", capsys=capsys)[0] == 0
    assert run("--only", "odd", "--fail-on-issues", capsys=capsys)[0] == 1
    assert run("--only", "dead_events", "--fail-on-issues", capsys=capsys)[0] == 0


def test_severity_says_from_where_on_issues_count(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject(), subject(2, severity=Severity.LOW)])
    fails = ("--only", "odd", "--fail-on-issues", "--severity")
    assert run(*fails, "medium", capsys=capsys)[0] == 1
    code, text = run(*fails, "high", capsys=capsys)
    assert code == 0
    assert "No open issues." in text


def test_a_check_that_could_not_run_is_exit_2_whatever_was_asked(
    register: Register, capsys: Any
) -> None:
    register("odd", lambda now: [subject()])
    register("broken", raises)
    for arguments in ((), ("--fail-on-issues",), ("--severity", "critical")):
        code, text = run("--only", "odd", "broken", *arguments, capsys=capsys)
        assert code == 2
        assert "broken  could not run: RuntimeError: no luck\n" in text
        assert "1 check could not run." in text


def test_an_unknown_name_is_exit_2_and_says_which_there_are(capsys: Any) -> None:
    with pytest.raises(CommandError, match="There are: amount_mismatch") as error:
        call_command("run_checks", "--only", "typo")
    assert error.value.returncode == 2


def test_text_is_aligned_and_says_money_and_since_when(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject(), subject(2, severity=Severity.CRITICAL)])
    _, text = run("--only", "odd", "dead_events", capsys=capsys)
    lines = text.splitlines()
    head = next(line for line in lines if line.strip().startswith("check"))
    rows = lines[lines.index(head) + 1 :][:2]
    assert {len(row) for row in rows} == {len(head)}
    issues = [line for line in lines if "is odd" in line]
    assert [line.split()[0] for line in issues] == ["critical", "medium"]  # the worst first
    assert "2.00 EUR  since 20" in issues[0]
    assert "2 open issues:" in lines


def test_json_holds_checks_and_issues(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject()])
    code, text = run("--only", "odd", "--fail-on-issues", "--format", "json", capsys=capsys)
    document = json.loads(text)
    assert code == document["exit_code"] == 1
    assert document["open"] == 1
    [check] = document["checks"]
    assert (check["check"], check["open"], check["severity"]) == ("odd", 1, "medium")
    [issue] = document["issues"]
    assert (issue["amount_minor"], issue["currency"], issue["evidence"]) == (
        100,
        "eur",
        {"number": 1},
    )


def test_junit_has_a_case_for_each_check(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject(summary="a \x0b bell & <b>")])
    register("broken", raises)
    _, text = run("--only", "odd", "broken", "dead_events", "--format", "junit", capsys=capsys)
    suite = ElementTree.fromstring(text)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = {case.get("name"): case for case in suite}
    assert len(cases["dead_events"]) == 0
    assert cases["odd"][0].tag == "failure"
    assert cases["odd"][0].text == "a � bell & <b>"
    assert cases["broken"][0].tag == "error"


def test_list_names_every_check(capsys: Any) -> None:
    code, text = run("--list", capsys=capsys)
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == [
        check.name for check in registry.all_checks()
    ]


def test_of_crashes_only_those_of_the_checks_asked_for_are_told(
    register: Register, capsys: Any
) -> None:
    register("broken", raises)
    register("odd", lambda now: [])
    assert json.loads(run("--only", "broken", "--format", "json", capsys=capsys)[1])["open"] == 1
    code, text = run("--only", "odd", "--fail-on-issues", "--format", "json", capsys=capsys)
    assert (code, json.loads(text)["open"]) == (0, 0)


@pytest.mark.parametrize("form", ["json", "junit"])
def test_a_person_at_a_terminal_sees_how_far_it_is_beside_the_output_for_a_program(
    form: str, register: Register, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("odd", lambda now: [subject()])
    arguments = ("--only", "odd", "dead_events", "--format", form)
    run(*arguments, capsys=capsys)
    assert capsys.readouterr().err == ""
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    call_command("run_checks", *arguments, stderr=terminal)
    shown = [line.strip() for line in terminal.getvalue().split("\r")]
    assert [line for line in shown if line] == ["1 of 2 checks done"]
    assert capsys.readouterr().out.lstrip()[0] in "{<"


def test_what_is_set_aside_fails_nothing_and_is_told(register: Register, capsys: Any) -> None:
    register("odd", lambda now: [subject(number) for number in range(1, 6)])
    run("--only", "odd", capsys=capsys)
    issues = dict(Issue.objects.values_list("subject_id", "pk"))
    tomorrow = timezone.now() + timedelta(days=1)
    decide(ACKNOWLEDGE, [issues["1"]], reason="at it")
    decide(MUTE, [issues["2"], issues["3"]], reason="known", until=tomorrow)
    decide(ACCEPT, [issues["4"], issues["5"]], reason="agreed")
    arguments = ("--only", "odd", "--fail-on-issues")
    code, text = run(*arguments, capsys=capsys)
    assert code == 1  # one that somebody is at is still wrong
    assert "1 open issue:" in text
    decide(ACCEPT, [issues["1"]], reason="agreed")
    code, text = run(*arguments, capsys=capsys)
    assert code == 0
    assert text.splitlines()[-2:] == [
        "No open issues.",
        "Set aside, and not counted: 2 muted, 3 accepted.",
    ]
    code, text = run(*arguments, "--format", "json", capsys=capsys)
    assert json.loads(text)["set_aside"] == {"muted": 2, "accepted": 3}
    _, text = run(*arguments, "--format", "junit", capsys=capsys)
    assert ElementTree.fromstring(text).get("failures") == "0"
    # A mute of another check's is none of this run's.
    assert "Set aside" not in run("--only", "dead_events", capsys=capsys)[1]
