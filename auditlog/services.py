"""Writing the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models
from django.utils import timezone

from auditlog import actions
from auditlog.context import current_actor
from auditlog.models import AuditEvent


@dataclass(frozen=True)
class Entry:
    """One act: what was done to which target, why, and the values before and after."""

    action: str
    target: models.Model | None = None
    reason: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class NotInTransaction(RuntimeError):
    """An audited write must stand in the same transaction as its audit row."""


def record(
    action: str,
    target: models.Model | None = None,
    *,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append one audit row for the current actor, in the transaction of the write itself.

    Raises:
        NotInTransaction: no transaction is open.
        NotRegistered: no app says that there is such an action with such values.
    """
    return record_all([Entry(action, target, reason, before or {}, after or {})])[0]


def record_all(entries: Iterable[Entry]) -> list[AuditEvent]:
    """Append one audit row for each entry, with one statement.

    Without the zero bytes that Postgres doesn't store: what somebody sends must not keep its own
    trace out of the log.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("auditlog.record() needs the transaction of the write it is about")
    actor = current_actor()
    now = timezone.now()
    entries = list(entries)
    for entry in entries:
        actions.check(entry.action, entry.before, entry.after)
    return AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                at=now,
                action=entry.action,
                actor=actor.user,
                actor_name=actor.name,
                target_type=entry.target._meta.label_lower if entry.target else "",
                target_id=str(entry.target.pk) if entry.target else "",
                reason=storable(entry.reason),
                before=storable(entry.before),
                after=storable(entry.after),
                address=actor.address,
                request_id=actor.request_id,
            )
            for entry in entries
        ]
    )


def storable(value: Any) -> Any:
    """The value without zero bytes, however deep they are."""
    match value:
        case str():
            return value.replace("\0", "")
        case Mapping():
            return {storable(key): storable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [storable(inner) for inner in value]
    return value
