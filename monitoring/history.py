"""What happened to an issue and who did it: its transitions, and what else the audit log says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter

from auditlog.models import AuditEvent
from monitoring.models import Issue, IssueTransition
from monitoring.registry import label

MOST = 60
# The audit log has every decision too, which its transition tells already.
BESIDE = ("issue.assigned", "issue.noted", "issue.remedy_used")


@dataclass(frozen=True)
class Happened:
    """One thing that happened to an issue: what, by whom, and why."""

    at: datetime
    what: str
    who: str
    why: str


def history(issue: Issue) -> list[Happened]:
    """The newest 60 things that happened to the issue, the newest first; two statements."""
    steps = (
        IssueTransition.objects.filter(issue=issue)
        .select_related("run", "actor")
        .order_by("-id")[:MOST]
    )
    events = AuditEvent.objects.filter(
        target_type=label(Issue), target_id=str(issue.pk), action__in=BESIDE
    ).order_by("-id")[:MOST]
    happened = [
        *(Happened(step.at, step.word, step.who, step.reason) for step in steps),
        *map(told, events),
    ]
    return list(islice(sorted(happened, key=attrgetter("at"), reverse=True), MOST))


def told(event: AuditEvent) -> Happened:
    """An entry of the audit log in words."""
    match event.action:
        case "issue.assigned":
            what = f"given to {event.after.get('assignee') or 'nobody'}"
        case "issue.remedy_used":
            what = f"remedy: {event.after.get('remedy', '')}"
        case _:
            what = "note"
    why = ". ".join(filter(None, [event.reason, event.after.get("outcome", "")]))
    return Happened(event.at, what, event.actor_name, why)
