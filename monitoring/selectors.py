"""Queries over issues and runs that pages and commands read with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Case, Count, IntegerField, Max, Q, QuerySet, Value, When

from monitoring.models import CheckRun, Issue, Severity
from monitoring.registry import CRASHED, Area, touching


def rank_of(field: str) -> Case:
    """The rank of the severity in ``field``, to order by."""
    return Case(
        *(When(**{field: one.value, "then": Value(one.rank)}) for one in Severity),
        default=Value(-1),
        output_field=IntegerField(),
    )


SEVERITY_RANK = rank_of("severity")


def open_issues(
    checks: Iterable[str] | None = None, *, at_least: str = Severity.LOW
) -> QuerySet[Issue]:
    """Issues that need someone, open or acknowledged (of the checks named, if any are), at or above
    a severity, the worst first. Those that are muted or accepted aren't among them."""
    issues = Issue.objects.filter(
        status__in=Issue.NEEDS_SOMEONE, severity__in=Severity.at_least(at_least)
    )
    if checks is not None:
        issues = issues.filter(check_name__in=list(checks))
    return issues.order_by(SEVERITY_RANK.desc(), "first_seen", "id")


def set_aside(checks: Iterable[str] | None = None) -> dict[str, int]:
    """How many issues (of the checks named, if any are) are muted and how many accepted."""
    issues = Issue.objects.filter(status__in=Issue.SET_ASIDE)
    if checks is not None:
        issues = issues.filter(check_name__in=list(checks))
    counted = dict(issues.order_by().values_list("status").annotate(count=Count("id")))
    return {status.value: counted.get(status.value, 0) for status in Issue.SET_ASIDE}


def count_by_check(issues: QuerySet[Issue]) -> dict[str, int]:
    """How many of ``issues`` each check has."""
    counted = issues.order_by().values_list("check_name").annotate(count=Count("id"))
    return dict(counted)


def with_issues(names: Iterable[str]) -> list[str]:
    """Those of the checks that have ever found something, by name: a look into the index each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE EXISTS"
            " (SELECT FROM monitoring_issue WHERE check_name = name) ORDER BY name",
            [list(names)],
        )
        return [name for (name,) in cursor]


def last_run() -> CheckRun | None:
    """The newest run that finished, or None."""
    return CheckRun.objects.filter(finished_at__isnull=False).order_by("-id").first()


def last_run_of_all() -> CheckRun | None:
    """The newest finished run of all checks, or None."""
    return CheckRun.objects.filter(finished_at__isnull=False, only=[]).order_by("-id").first()


def runs_overdue(run: CheckRun | None, now: datetime) -> bool:
    """Whether that run of all checks is too long ago for what it didn't find to be ruled out."""
    allowed = timedelta(hours=settings.CHECKS_WITHIN_HOURS)
    return run is None or run.finished_at is None or run.finished_at < now - allowed


def about_figures(areas: Iterable[Area]) -> Q:
    """The issues that make figures of these areas doubtful; a check that crashed counts for what it
    would have watched."""
    names = touching(areas)
    return Q(check_name__in=names) | Q(check_name=CRASHED.name, subject_id__in=names)


@dataclass(frozen=True)
class Doubt:
    """How many open issues of one check make figures doubtful, and how bad the worst of them is."""

    check_name: str
    count: int
    worst: Severity

    @property
    def title(self) -> str:
        """The check's name in words."""
        return self.check_name.replace("_", " ")


def doubts_about(areas: Iterable[Area]) -> list[Doubt]:
    """What makes figures of these areas doubtful, the worst and the most first. One statement."""
    counted = (
        Issue.objects.filter(about_figures(areas), status__in=Issue.NEEDS_SOMEONE)
        .order_by()
        .values_list("check_name")
        .annotate(count=Count("id"), worst=Max(SEVERITY_RANK))
        .order_by("-worst", "-count", "check_name")
    )
    severities = list(Severity)
    return [Doubt(name, count, severities[rank]) for name, count, rank in counted]
