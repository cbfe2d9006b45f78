"""What the demo's people did on its last morning, each after their role; it is audited."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from analyticsapp.exports.registry import PACKS
from analyticsapp.exports.scope import Scope
from analyticsapp.exports.sending import take_pack
from auditlog.context import acting_as
from auditlog.event_export import export_events
from auditlog.models import AuditEvent
from auditlog.services import record
from auditlog.verification import verify_and_record
from governance.audited import SIGNED_IN
from release.demo.clock import turned_back
from release.demo.desk import person

Work = Callable[[datetime], None]


def take(pack: str) -> Work:
    """Somebody takes a pack of the month before."""

    def work(now: datetime) -> None:
        last = now.date().replace(day=1) - timedelta(days=1)
        # Read to its end, as a browser does.
        deque(take_pack(PACKS[pack], Scope(last.replace(day=1), last)), maxlen=0)

    return work


def audit(now: datetime) -> None:
    """The auditor verifies the whole log, and takes what was done about issues."""
    verify_and_record()
    about = {"action": "issue.accepted"}
    deque(export_events(AuditEvent.objects.filter(**about), about), maxlen=0)


def look(now: datetime) -> None:
    """Somebody signs in and looks."""


MORNING: tuple[tuple[int, str, Work], ...] = (
    (170, "administrator", look),
    (150, "operator", look),
    (120, "finance", take("finance")),
    (95, "analyst", take("bi")),
    (60, "executive", look),
    (40, "auditor", audit),
)


def work_of_the_morning(until: datetime) -> None:
    """Do it; ``until`` is the moment at which the demo's past ends."""
    for minutes, name, work in MORNING:
        actor = person(name)
        assert actor.user is not None
        with turned_back(until - timedelta(minutes=minutes)) as clock, acting_as(actor):
            with transaction.atomic():
                record(SIGNED_IN, actor.user)
            work(clock.moment)
