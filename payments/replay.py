"""Replay: bring events back into the queue, and prove that the mirror is what the inbox says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from auditlog.services import record
from payments.mirror.observations import Observation
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS, from_row
from payments.mirror.rules import truth, understand
from payments.models import StripeEvent

CHUNK = 2000


@dataclass(frozen=True)
class Difference:
    """An object whose row isn't what its observations say; ``columns`` name where."""

    object_type: str
    object_id: str
    columns: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name}: row {live!r}, inbox {rebuilt!r}"
            for name, (live, rebuilt) in self.columns.items()
        )
        return f"{self.object_type} {self.object_id}: {parts}"


def replayable(
    *, dead: bool = False, since: datetime | None = None, ids: list[str] | None = None
) -> QuerySet[StripeEvent]:
    """The events that a replay would process again."""
    events = StripeEvent.objects.exclude(status=StripeEvent.Status.IGNORED)
    if dead:
        events = events.filter(status=StripeEvent.Status.DEAD)
    if since is not None:
        events = events.filter(received_at__gte=since)
    if ids:
        events = events.filter(stripe_id__in=ids)
    return events


def requeue(events: QuerySet[StripeEvent], *, reason: str) -> int:
    """Make the events due again, as if they had just come; return how many. Audited."""
    with transaction.atomic(), connection.cursor() as cursor:
        sql, params = events.values("pk").query.sql_with_params()
        cursor.execute(
            f"""
            UPDATE payments_stripeevent
            SET status = 'received', attempts = 0, not_before = now()
            WHERE id IN ({sql})
            """,
            params,
        )
        count: int = cursor.rowcount
        record("event.replay", reason=reason, after={"count": count})
    return count


def verify(progress: Callable[[int], None] | None = None) -> Iterator[Difference]:
    """Rebuild each object from the inbox, beside the live mirror, and yield what differs.

    Memory is bounded by a chunk of observations. ``progress`` is told the number of observations
    read so far. Run it while no events wait: one that is still to be processed is a difference.
    """
    seen = 0
    for object_type, spec in SPECS.items():
        for chunk in chunks(object_type):
            seen += sum(len(group) for group in chunk.values())
            rows = spec.model._default_manager.in_bulk(list(chunk))
            for object_id, observations in chunk.items():
                found = truth(spec, observations)
                row = rows.get(object_id)
                if found is None and row is None:
                    continue
                columns: dict[str, tuple[Any, Any]] = {}
                for name in spec.columns:
                    live = getattr(row, name) if row else None
                    rebuilt = found.fields[name] if found else None
                    if live != rebuilt:
                        columns[name] = (live, rebuilt)
                if columns or row is None or found is None:
                    yield Difference(object_type, object_id, columns)
            if progress:
                progress(seen)
        yield from unfounded(object_type)


def unfounded(object_type: str) -> Iterator[Difference]:
    """Rows of the mirror that no observation speaks of."""
    model = SPECS[object_type].model
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id FROM {model._meta.db_table} AS row
            WHERE NOT EXISTS (
                SELECT FROM payments_stripeevent
                WHERE object_type = %s AND object_id = row.id
            )
            """,
            [object_type],
        )
        for (object_id,) in cursor.fetchall():
            yield Difference(object_type, object_id, {"row": ("exists", "no observation")})


def chunks(object_type: str) -> Iterator[dict[str, list[Observation]]]:
    """All understandable observations of a kind, grouped by object, some thousand at a time."""
    last = ""
    while True:
        rows = page(object_type, last)
        if not rows:
            return
        last = rows[-1][0]
        chunk: dict[str, list[Observation]] = {}
        for object_id, group in groupby(rows, key=lambda row: row[0]):
            understood = []
            for row in group:
                try:
                    understood.append(understand(SPECS[object_type], from_row(row[1:])))
                except BadPayload:
                    continue
            chunk[object_id] = understood
        yield chunk


def page(object_type: str, after: str) -> list[Any]:
    """Whole objects: the next ids, with all of their observations."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT object_id, stripe_id, id, type, source, as_of, api_version, livemode,
                payload -> 'data', payload -> 'context'
            FROM payments_stripeevent
            WHERE object_type = %(type)s AND object_id IN (
                SELECT DISTINCT object_id FROM payments_stripeevent
                WHERE object_type = %(type)s AND object_id > %(after)s
                ORDER BY object_id LIMIT %(size)s
            )
            ORDER BY object_id
            """,
            {"type": object_type, "after": after, "size": CHUNK},
        )
        return list(cursor.fetchall())
