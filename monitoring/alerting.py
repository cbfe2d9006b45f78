"""What an alert says: how many issues, how bad, how much money, the first few, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.urls import reverse

from monitoring.channels import Message
from monitoring.models import CheckRun, Issue, IssueTransition, Severity
from monitoring.registry import CRASHED
from monitoring.report import at_risk, plural
from monitoring.selectors import rank_of
from payments.money import format_money

SHOWN = 5  # issues told one by one
URGENT = (Severity.HIGH, Severity.CRITICAL)
MAIL_ADDRESS = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")


def opened_in(run: CheckRun) -> QuerySet[IssueTransition]:
    """How issues at or above ``ALERT_SEVERITY`` became open, or open again, in ``run``."""
    return IssueTransition.objects.filter(
        run=run,
        to_status=Issue.Status.OPEN,
        issue__severity__in=Severity.at_least(settings.ALERT_SEVERITY),
    ).exclude(from_status=Issue.Status.OPEN)


def message_about(run: CheckRun) -> Message:
    """The one message about ``run``; three statements, however many issues there are.

    It names no person: an issue is told by its summary, without mail addresses, and what a check
    that crashed had in its hands stays here.
    """
    steps = opened_in(run)
    new = Count("id", filter=Q(from_status=""))
    counts = list(
        steps.order_by()
        .values_list("issue__severity")
        .annotate(new=new, all=Count("id"))
        .values_list("issue__severity", "new", "all")
    )
    counts.sort(key=lambda row: Severity(row[0]).rank, reverse=True)
    money = (
        steps.filter(issue__amount_minor__isnull=False)
        .order_by()
        .values_list("issue__currency")
        .annotate(sum=Sum("issue__amount_minor"))
        .order_by("issue__currency")
    )
    first = steps.select_related("issue").order_by(
        rank_of("issue__severity").desc(),
        F("issue__amount_minor").desc(nulls_last=True),
        "issue_id",
    )[:SHOWN]
    total = sum(count for _, _, count in counts)
    opened = sum(count for _, count, _ in counts)
    sums = ", ".join(format_money(amount, currency) for currency, amount in money)
    body = [
        f"Money at risk: {sums}" if sums else "No money is at risk that the checks know of.",
        *lines(first),
    ]
    if total > SHOWN:
        body += ["", f"… and {total - SHOWN:,} more."]
    if all_of_them := page("admin:monitoring_issue_changelist"):
        body += ["", f"All open issues: {all_of_them}"]
    return Message(
        title=f"Countinghouse: {headline(opened, total - opened)} "
        f"({', '.join(f'{count:,} {severity}' for severity, _, count in counts)})",
        body="\n".join(body),
        urgent=any(severity in URGENT for severity, _, _ in counts),
    )


def lines(steps: QuerySet[IssueTransition]) -> Iterator[str]:
    for step in steps:
        issue = step.issue
        what = "re-opened" if step.from_status else "new"
        if step.reason:
            what += f" ({step.reason})"
        money = "" if issue.amount_minor is None else f", {at_risk(issue)}"
        yield ""
        yield f"{issue.severity}, {what}{money}: {summary(issue)}"
        if link := page("admin:monitoring_issue_change", issue.pk):
            yield link


def summary(issue: Issue) -> str:
    """The issue in a line that may leave the house."""
    if issue.check_name == CRASHED.name:
        return f"The check {issue.subject_id} could not run"
    return MAIL_ADDRESS.sub("…@…", issue.summary)


def headline(opened: int, reopened: int) -> str:
    parts = [plural(opened, "new issue")] if opened else []
    if reopened:
        parts.append(f"{reopened:,} re-opened")
    return ", ".join(parts) or "no new issue"


def page(name: str, *arguments: object) -> str:
    """The address of a page here; empty where ``SITE_URL`` doesn't say how we are reached."""
    return settings.SITE_URL + reverse(name, args=arguments) if settings.SITE_URL else ""


TEST = Message(
    title="Countinghouse: a test",
    body="This channel works. New and re-opened issues will be told here.",
    urgent=False,
)
