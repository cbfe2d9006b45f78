"""What is personal in this app's rows; see ``auditlog.personal``."""

from __future__ import annotations

from django.db.models import Q

from auditlog.personal import Erasure, Kind, Person, Personal, declare

STAFF = Personal(Kind.NAME, "who ran the checks", erasure=Erasure.KEPT)
EVIDENCE = Personal(Kind.EVIDENCE, "the figures that disagree", erasure=Erasure.MENTIONS)
KEPT = "for good: a later run counts on it"


def about(person: Person) -> Q:
    """The issues about the person's objects."""
    found = Q(pk__in=[])
    for label, keys in person.objects.items():
        found |= Q(subject_type__iexact=label, subject_id__in=[str(key) for key in keys])
    return found


def steps(person: Person) -> Q:
    """What happened to those issues."""
    from monitoring.models import Issue

    return Q(issue__in=Issue.objects.filter(about(person)))


declare(
    "monitoring.Issue",
    kept=KEPT,
    rows=about,
    summary=EVIDENCE,
    evidence=EVIDENCE,
    harmless="check_name subject_type subject_id",
)
declare(
    "monitoring.IssueTransition",
    kept=KEPT,
    rows=steps,
    reason=Personal(
        Kind.FREE_TEXT, "why somebody decided so, in their own words", erasure=Erasure.WORD
    ),
    evidence=EVIDENCE,
)
declare(
    "monitoring.CheckRun",
    kept="90 days, then those that opened or resolved an issue (`forget_runs`)",
    actor_name=STAFF,
    harmless="only results",
)
declare("monitoring.AlertDelivery", harmless="channel label error")
