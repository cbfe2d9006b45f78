"""What people decide about issues: who has one in hand, and whether it may stay as it is.

A run of the checks knows what to do with each decision: see ``monitoring.services.issues``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import Entry, record, record_all
from monitoring.models import Issue, IssueTransition

Status = Issue.Status
# Nothing is out of sight for longer.
LONGEST_MUTE = timedelta(days=366)


class TriageError(ValueError):
    """That can't be decided; the message says why. Nothing was changed."""


class IssueChanged(TriageError):
    """The issue isn't in a status in which that can be decided about it."""


class ReasonMissing(TriageError):
    """Whoever sets an issue aside says why."""


class BadMute(TriageError):
    """A mute must end, later than now and within a year."""


@dataclass(frozen=True)
class Decision:
    """Something that a person decides about issues: its ``name`` in the audit log, the status that
    it leads ``to``, those that it may come ``allowed_from``, whether it must be said why."""

    name: str
    to: Status
    allowed_from: frozenset[Status]
    needs_reason: bool = True


UNRESOLVED = frozenset(Status) - {Status.RESOLVED}

# "I am at it."
ACKNOWLEDGE = Decision(
    "acknowledged", Status.ACKNOWLEDGED, UNRESOLVED - {Status.ACKNOWLEDGED}, needs_reason=False
)
# "Nobody need be at it before that date." Muting again changes the date.
MUTE = Decision("muted", Status.MUTED, UNRESOLVED)
# "It may stay so, as long as its numbers do."
ACCEPT = Decision("accepted", Status.ACCEPTED, UNRESOLVED - {Status.ACCEPTED})
# "It isn't so any more." A run that finds it still wrong opens it again, and says so.
RESOLVE = Decision("resolved", Status.RESOLVED, UNRESOLVED)
# Takes any of the others back.
REOPEN = Decision("reopened", Status.OPEN, UNRESOLVED - {Status.OPEN})


@dataclass(frozen=True)
class Decided:
    """What came of a decision about several issues: those that ``changed``, as they are now, and by
    id why others didn't."""

    changed: Sequence[Issue]
    refused: Mapping[int, str]


def decide(
    decision: Decision,
    issue_ids: Collection[int],
    *,
    reason: str = "",
    until: datetime | None = None,
    now: datetime | None = None,
) -> Decided:
    """Decide about issues, each with its transition and its audit row; ``until`` is when a mute
    ends. The same number of statements however many they are.

    Raises:
        ReasonMissing: the decision needs a reason, as any does that no person makes.
        BadMute: ``until`` is missing, past, or more than a year away.
    """
    now, reason = now or timezone.now(), reason.strip()
    check_wording(decision, reason, until, now)
    with transaction.atomic():
        held = hold(issue_ids)
        moving = [issue for issue in held if issue.status in decision.allowed_from]
        before = {issue.pk: values(issue) for issue in moving}
        steps = [move(issue, decision, reason, until, now) for issue in moving]
        Issue.objects.filter(pk__in=list(before)).update(
            status=decision.to,
            muted_until=until,
            resolved_at=now if decision.to == Status.RESOLVED else None,
        )
        IssueTransition.objects.bulk_create(steps)
        record_all(
            Entry(
                f"issue.{decision.name}",
                issue,
                reason=reason,
                before=before[issue.pk],
                after=values(issue),
            )
            for issue in moving
        )
    refused = dict.fromkeys(issue_ids, "there is no such issue")
    refused |= {issue.pk: f"it is {issue.status}" for issue in held}
    return Decided(moving, {pk: why for pk, why in refused.items() if pk not in before})


def decide_one(
    decision: Decision,
    issue_id: int,
    *,
    reason: str = "",
    until: datetime | None = None,
    now: datetime | None = None,
) -> Issue:
    """``decide`` about one issue; return it.

    Raises:
        IssueChanged: it isn't in a status in which that can be decided, or isn't there.
        ReasonMissing, BadMute: as ``decide``.
    """
    decided = decide(decision, [issue_id], reason=reason, until=until, now=now)
    if not decided.changed:
        raise IssueChanged(decided.refused[issue_id])
    return decided.changed[0]


def check_wording(decision: Decision, reason: str, until: datetime | None, now: datetime) -> None:
    somebody = current_actor().user is not None
    if not reason and (decision.needs_reason or not somebody):
        raise ReasonMissing("say why")
    if decision.to != Status.MUTED:
        if until is not None:
            raise BadMute("only a mute has an end")
    elif until is None or not now < until <= now + LONGEST_MUTE:
        raise BadMute("a mute ends later than now and within a year")


def hold(issue_ids: Collection[int]) -> list[Issue]:
    """The issues as they are now, locked in the order in which a run locks them."""
    return list(
        Issue.objects.select_for_update(of=("self",), no_key=True)
        .select_related("assignee")
        .filter(pk__in=issue_ids)
        .order_by("pk")
    )


def move(
    issue: Issue, decision: Decision, reason: str, until: datetime | None, now: datetime
) -> IssueTransition:
    """Change a locked issue, unsaved, and make its step."""
    was, issue.status = issue.status, decision.to
    issue.muted_until = until
    issue.resolved_at = now if decision.to == Status.RESOLVED else None
    return IssueTransition(
        issue=issue,
        at=now,
        from_status=was,
        to_status=decision.to,
        actor=current_actor().user,
        reason=reason,
        until=until,
        evidence=issue.evidence,
    )


def values(issue: Issue) -> dict[str, str]:
    """What a decision changes, for the audit log."""
    end = {"until": issue.muted_until.isoformat()} if issue.muted_until else {}
    return {"status": str(issue.status), **end}


def note(issue_id: int, text: str) -> None:
    """Note something about an issue, for whoever looks at it next; the audit log keeps it.

    Raises:
        ReasonMissing: the text is empty.
        IssueChanged: there is no such issue.
    """
    if not text.strip():
        raise ReasonMissing("a note says something")
    with transaction.atomic():
        held = hold([issue_id])
        if not held:
            raise IssueChanged("there is no such issue")
        record("issue.noted", held[0], reason=text.strip())


def assign(issue_ids: Collection[int], to: User | None, *, reason: str = "") -> list[Issue]:
    """Give the issues to ``to``, or to nobody; return those that changed hands. Audited."""
    with transaction.atomic():
        moving = [issue for issue in hold(issue_ids) if issue.assignee != to]
        before = {issue.pk: issue.assignee for issue in moving}
        Issue.objects.filter(pk__in=list(before)).update(assignee=to)
        record_all(
            Entry(
                "issue.assigned",
                issue,
                reason=reason,
                before={"assignee": name_of(before[issue.pk])},
                after={"assignee": name_of(to)},
            )
            for issue in moving
        )
    return moving


def name_of(user: User | None) -> str | None:
    return user.get_username() if user else None
