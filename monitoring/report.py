"""What a run of the checks says: to a person, to a program, to a build server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from monitoring import registry
from monitoring.models import CheckRun, Issue, Severity
from monitoring.registry import CRASHED, Check
from monitoring.selectors import count_by_check, open_issues, set_aside
from payments.money import format_money

SHOWN = 200  # issues listed one by one
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Report:
    """A finished run, the issues of its checks that need someone after it, the worst first, and
    how many of its checks' issues are set aside, by their status."""

    run: CheckRun
    open_by_check: dict[str, int]
    issues: Sequence[Issue]
    set_aside: dict[str, int]

    @property
    def open(self) -> int:
        return sum(self.open_by_check.values())


def report_on(run: CheckRun, *, at_least: str = Severity.LOW) -> Report:
    """The report on ``run``: of the checks that it ran, issues at or above a severity count."""
    checks = [*(result["check"] for result in run.results), CRASHED.name] if run.only else None
    issues = open_issues(checks, at_least=at_least)
    if run.only:  # of the crashes, only those of the checks that were asked for
        issues = issues.exclude(check_name=CRASHED.name) | issues.filter(
            check_name=CRASHED.name, subject_id__in=run.only
        )
    return Report(run, count_by_check(issues), list(issues[:SHOWN]), set_aside(checks))


def as_text(report: Report) -> Iterator[str]:
    """The open issues, what there are more of, and how many are set aside, line by line."""
    if report.open:
        yield from listed(report)
    else:
        yield "No open issues."
    if aside := [f"{count:,} {status}" for status, count in report.set_aside.items() if count]:
        yield f"Set aside, and not counted: {', '.join(aside)}."


def listed(report: Report) -> Iterator[str]:
    """The open issues, the worst first, in columns."""
    yield f"{plural(report.open, 'open issue')}:"
    yield ""
    rows = [
        (issue.severity, issue.check_name, at_risk(issue), f"{issue.first_seen:%Y-%m-%d %H:%M}")
        for issue in report.issues
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for issue, (severity, name, money, since) in zip(report.issues, rows, strict=True):
        yield (
            f"  {severity:<{widths[0]}}  {name:<{widths[1]}}  {money:>{widths[2]}}  "
            f"since {since} UTC  {issue.summary}"
        )
    if left_out := report.open - len(report.issues):
        yield f"  … and {left_out} more"


def table(checks: Iterable[Check]) -> tuple[str, str]:
    """The head of the table of results, and the format of a row of it."""
    width = max((len(check.name) for check in checks), default=5)
    columns = "{found:>7}  {opened:>6}  {reopened:>9}  {resolved:>8}  {milliseconds:>6}"
    row = f"  {{check:<{width}}}  {columns}"
    head = row.format(
        check="check",
        found="found",
        opened="new",
        reopened="re-opened",
        resolved="resolved",
        milliseconds="ms",
    )
    return head, row


def as_json(report: Report, exit_code: int) -> str:
    """The run, its checks and the open issues as one JSON document."""
    run = report.run
    document = {
        "run": run.pk,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "exit_code": exit_code,
        "crashed": run.crashed,
        "open": report.open,
        "set_aside": report.set_aside,
        "checks": [
            {
                **result,
                **described(result["check"]),
                "open": report.open_by_check.get(result["check"], 0),
            }
            for result in run.results
        ],
        "issues": [
            {
                "id": issue.pk,
                "check": issue.check_name,
                "severity": issue.severity,
                "status": issue.status,
                "subject_type": issue.subject_type,
                "subject_id": issue.subject_id,
                "summary": issue.summary,
                "evidence": dict(issue.evidence),
                "amount_minor": issue.amount_minor,
                "currency": issue.currency,
                "first_seen": issue.first_seen.isoformat(),
                "last_seen": issue.last_seen.isoformat(),
                "occurrences": issue.occurrences,
                "reopened": issue.reopened,
            }
            for issue in report.issues
        ],
        "issues_left_out": report.open - len(report.issues),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_junit(report: Report) -> str:
    """One test case a check: failed while it has open issues, in error if it could not run."""
    results = report.run.results
    seconds = sum(result["milliseconds"] for result in results) / 1000
    failing = [result for result in results if report.open_by_check.get(result["check"])]
    suite = ElementTree.Element(
        "testsuite",
        name="run_checks",
        tests=str(len(results)),
        failures=str(sum(1 for result in failing if not result["error"])),
        errors=str(report.run.crashed),
        time=f"{seconds:.3f}",
        timestamp=report.run.started_at.isoformat(),
    )
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"monitoring.{described(result['check'])['kind']}",
            name=result["check"],
            time=f"{result['milliseconds'] / 1000:.3f}",
        )
        if result["error"]:
            problem = ElementTree.SubElement(case, "error", message="the check could not run")
            problem.text = clean(result["error"])
        elif count := report.open_by_check.get(result["check"], 0):
            problem = ElementTree.SubElement(case, "failure", message=plural(count, "open issue"))
            problem.text = clean(
                "\n".join(i.summary for i in report.issues if i.check_name == result["check"])
            )
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False)


def described(name: str) -> dict[str, Any]:
    check = registry.get(name)
    return {"kind": check.kind, "severity": check.severity} if check else {}


def at_risk(issue: Issue) -> str:
    """The money at risk as text; a dash where it isn't about money."""
    if issue.amount_minor is None:
        return "–"
    return format_money(issue.amount_minor, issue.currency)


def clean(text: str) -> str:
    """``text`` without the characters that XML can't hold."""
    return NOT_IN_XML.sub("�", text)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
