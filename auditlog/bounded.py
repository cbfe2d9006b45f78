"""Audit rows that anybody can cause, so few of them that nobody can fill the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Q
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.models import AuditEvent
from auditlog.services import record

# Of one action within ``WITHIN``: so many rows of one actor at one address, and of all together.
MOST = 20
MOST_OF_ALL = 200
WITHIN = timedelta(minutes=1)


def record_bounded(
    action: str, target: models.Model | None = None, *, after: Mapping[str, Any] | None = None
) -> bool:
    """Record in a transaction of its own, unless there have been enough; say whether it was."""
    actor = current_actor()
    recent = AuditEvent.objects.filter(at__gt=timezone.now() - WITHIN, action=action)
    counts = recent.aggregate(
        own=Count("id", filter=Q(actor_name=actor.name, address=actor.address)), all=Count("id")
    )
    if counts["own"] >= MOST or counts["all"] >= MOST_OF_ALL:
        return False
    with transaction.atomic():
        record(action, target, after=after)
    return True
