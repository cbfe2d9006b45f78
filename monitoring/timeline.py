"""What an order's timeline tells of issues: those about the order, and about its payments."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from monitoring.models import Issue, IssueTransition
from monitoring.registry import label
from orders.models import Order
from orders.timeline import Entry, Facts, contribute


def about(facts: Facts) -> Q:
    """The issues about an order, or about a row of the mirror that belongs to it."""
    subjects: dict[str, list[str]] = {label(Order): [str(facts.order.pk)]}
    for row in facts.objects:
        subjects.setdefault(label(type(row)), []).append(row.pk)
    found = Q()
    for kind, keys in subjects.items():
        found |= Q(subject_type=kind, subject_id__in=keys)
    return found


@contribute
def issues(facts: Facts) -> Iterator[Entry]:
    """Issues opened, re-opened and resolved; one statement."""
    steps = IssueTransition.objects.filter(
        issue__in=Issue.objects.filter(about(facts)).order_by().values("pk")
    ).select_related("issue", "run", "actor")
    for step in facts.newest(steps.order_by("-id")):
        issue = step.issue
        yield Entry(
            step.at,
            f"Issue {step.word}",
            detail=f"{issue.summary} ({step.reason})" if step.reason else issue.summary,
            amount_minor=issue.amount_minor,
            currency=issue.currency,
            who=step.who,
            link=(Issue, str(issue.pk)),
            problem=step.to_status == Issue.Status.OPEN and issue.status in Issue.NEEDS_SOMEONE,
        )
