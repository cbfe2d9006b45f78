"""What people decide about issues."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import User
from django.db import transaction

from auditlog.services import Entry, record_all
from monitoring.models import Issue


def assign(issue_ids: Collection[int], to: User | None) -> int:
    """Give the issues to ``to``, or to nobody; return how many changed hands. Audited."""
    with transaction.atomic():
        issues = list(
            Issue.objects.select_for_update(of=("self",), no_key=True)
            .select_related("assignee")
            .filter(pk__in=issue_ids)
            .order_by("pk")
        )
        moving = [issue for issue in issues if issue.assignee != to]
        before = {issue.pk: issue.assignee for issue in moving}
        Issue.objects.filter(pk__in=list(before)).update(assignee=to)
        record_all(
            Entry(
                "issue.assigned",
                issue,
                before={"assignee": name_of(before[issue.pk])},
                after={"assignee": name_of(to)},
            )
            for issue in moving
        )
    return len(moving)


def name_of(user: User | None) -> str | None:
    return user.get_username() if user else None
