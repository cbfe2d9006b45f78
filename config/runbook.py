"""The parts of ``docs/runbook.md`` that are made: what each check means and asks for, and what runs
when. The rest of it is written by hand, around their marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from procrastinate.contrib.django import app

import config.schedule  # noqa: F401 - registers what is shown
from monitoring.models import Severity
from monitoring.registry import CRASHED, Check, all_checks
from monitoring.remedies.registry import all_remedies

MARK = "<!-- {name}: made by manage.py runbook -->\n{text}<!-- {name} end -->"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
NUMBER = re.compile(r"\d+")


def path() -> Path:
    """Where the document stands."""
    return Path(settings.BASE_DIR) / "docs" / "runbook.md"


def document(text: str) -> str:
    """``text`` with the parts that are made as they should be.

    Raises:
        ValueError: the place of one of them isn't marked.
    """
    for name, made in {"schedule": schedule(), "summary": summary(), "checks": checks()}.items():
        between = re.compile(
            re.escape(MARK).replace(r"\{name\}", name).replace(r"\{text\}", "(?s:.*?)")
        )
        if not between.search(text):
            raise ValueError(f"the runbook has no place marked for its {name}")
        whole = MARK.format(name=name, text=f"{made}\n")
        text = between.sub(lambda found, whole=whole: whole, text)  # type: ignore[misc]
    return text


def known() -> list[Check]:
    """Every check, and what stands for one that can't run, by name."""
    return sorted([*all_checks(), CRASHED], key=lambda check: check.name)


def summary() -> str:
    """The checks by severity, the worst first, each with a link to what is said of it."""
    lines = ["| severity | checks |", "| --- | --- |"]
    for severity in reversed(Severity):
        names = [check.name for check in known() if check.severity is severity]
        lines.append(f"| {severity} | {', '.join(f'[{name}](#{name})' for name in names)} |")
    return "\n".join(lines)


def checks() -> str:
    """What each check means, and what to do about it."""
    return "\n".join(line for check in known() for line in entry(check))


def entry(check: Check) -> Iterator[str]:
    titles = {act.name: act.title for act in all_remedies()}
    buttons = ", ".join(f"*{titles[name]}*" for name in check.remedies)
    figures = ", ".join(check.touches)
    issues = f"{reverse('admin:monitoring_issue_changelist')}?check_name={check.name}"
    yield f"### {check.name}\n"
    yield f"*{check.kind}, {check.severity}* · issues: `{issues}`\n"
    yield f"{check.meaning}\n"
    yield f"**Do:** {check.remedy}\n"
    if buttons:
        yield f"Buttons on the issue: {buttons}.\n"
    if figures:
        yield f"Figures that are doubtful meanwhile: {figures}.\n"


def schedule() -> str:
    """What runs when, as ``config/schedule.py`` has it."""
    lines = ["| when (UTC) | job | what it does |", "| --- | --- | --- |"]
    for periodic in app.periodic_registry.periodic_tasks.values():
        said = " ".join((periodic.task.func.__doc__ or "").split())
        name = periodic.task.name.removeprefix("schedule.")
        lines.append(f"| {when(periodic.cron)} | `{name}` | {said} |")
    return "\n".join(lines)


def when(cron: str) -> str:
    """A line of cron in words, where it is one of the simple ones; else as it is."""
    minute, hour, *date, weekday = cron.split()
    if date != ["*", "*"]:
        return f"`{cron}`"
    match minute, hour, weekday:
        case "*", "*", "*":
            return "each minute"
        case _, "*", "*" if minute.startswith("*/"):
            return f"every {minute.removeprefix('*/')} minutes"
        case _, "*", "*" if NUMBER.fullmatch(minute):
            return f"each hour at {int(minute):02} past"
        case _, _, "*" if NUMBER.fullmatch(minute) and NUMBER.fullmatch(hour):
            return f"each day at {int(hour):02}:{int(minute):02}"
        case _ if all(map(NUMBER.fullmatch, (minute, hour, weekday))):
            return f"each {DAYS[int(weekday) % 7]} at {int(hour):02}:{int(minute):02}"
    return f"`{cron}`"
