"""The inbox's door: verified bodies and API reads go in here, once each, unchanged."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from auditlog.services import record
from payments.client import livemode
from payments.entries import BadBody, Entry, decode, embedded, entry_of
from payments.forgetting import about_the_erased, inside
from payments.mirror.projection import from_row
from payments.models import Source, StripeEvent
from payments.reduction import NotReduced, reduced

logger = logging.getLogger(__name__)


def receive(body: bytes, *, source: str = Source.WEBHOOK) -> int | None:
    """Store one event as it came over the wire, its signature already verified.

    Returns:
        The row's key, or None when the event is there already.

    Raises:
        BadBody: it isn't an event, or can't be kept, or is of the mode that the key isn't of: test
            payments among live ones would become orders and figures.
    """
    entry = entry_of(decode(body), source=source)
    if settings.STRIPE_API_KEY and entry.livemode != livemode():
        raise BadBody(f"an event of {mode(entry.livemode)} mode, and the key is of the other")
    keys = insert([entry])
    if not keys and source == Source.WEBHOOK:
        delivered_after_all(entry.stripe_id)
    return keys[0] if keys else None


def mode(live: bool) -> str:
    return "live" if live else "test"


def delivered_after_all(stripe_id: str) -> None:
    """Note of an event that was listed first that Stripe has delivered it, too."""
    StripeEvent.objects.filter(stripe_id=stripe_id, source=Source.LISTED, delivered_at=None).update(
        delivered_at=timezone.now()
    )


def store(payloads: Sequence[Mapping[str, Any]], source: str) -> int:
    """Store events that were listed, or API reads; return how many of them are new.

    Raises:
        BadBody: one of them can't be kept; then none is stored.
    """
    return len(insert([entry_of(payload, source=source) for payload in payloads]))


def read_observation(
    data: Mapping[str, Any],
    *,
    as_of: datetime,
    api_version: str,
    context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An object read through the API, in an event's form.

    ``as_of`` is the start of the request: the object may have changed since. ``context`` says what
    the object doesn't, such as the payout that a balance transaction was listed for.
    """
    second = int(as_of.timestamp())
    digest = hashlib.sha256(json.dumps([data, context], sort_keys=True).encode()).hexdigest()
    return {
        "id": f"read_{data.get('id')}_{second}_{digest[:8]}",
        "object": "event",
        "type": f"read.{data.get('object')}",
        "api_version": api_version,
        "created": second,
        "livemode": bool(data.get("livemode", False)),
        "data": {"object": data},
        **({"context": context} if context else {}),
    }


# The columns that an entry has, by what PostgreSQL makes of its JSON.
COLUMNS = {
    "stripe_id": "text",
    "source": "text",
    "type": "text",
    "object_type": "text",
    "object_id": "text",
    "api_version": "text",
    "livemode": "boolean",
    "as_of": "timestamptz",
    "payload": "jsonb",
    "note": "text",
    "reduced_for": "text",
    "status": "text",
    "request_id": "text",
}
# One text with all rows: quoting each payload as an element of an array takes three times as long.
# Once somebody was erased, nothing goes in that wasn't looked through; until then it costs nothing.
INSERT = f"""
    WITH erased AS (SELECT EXISTS (SELECT FROM payments_erasedkey) AS anybody),
    inserted AS (
        INSERT INTO payments_stripeevent
            ({", ".join(COLUMNS)}, received_at, not_before, attempts, error, processed_at)
        SELECT {", ".join(COLUMNS)}, coalesce(received_at, now()), now(), 0, '',
            CASE WHEN status = 'ignored' THEN now() END
        FROM json_to_recordset(%s) AS entry (
            {", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())}, received_at timestamptz
        )
        WHERE %s OR NOT (SELECT anybody FROM erased)
        ON CONFLICT (stripe_id) DO NOTHING
        RETURNING id
    )
    SELECT anybody, id FROM erased LEFT JOIN inserted ON true
"""


def row(entry: Entry) -> str:
    """The entry as a JSON object by columns; its payload is JSON already."""
    names = COLUMNS.keys() - {"payload"} | {"received_at"}
    rest = {name: getattr(entry, name) for name in names}
    head = json.dumps(rest, default=datetime.isoformat)
    return f'{head[:-1]}, "payload": {entry.payload}}}'


def insert(entries: Sequence[Entry]) -> list[int]:
    """Insert with one statement; return the keys of those that weren't there.

    Once anybody was erased it takes three: what is about them is reduced before.
    """
    if not entries:
        return []
    anybody_erased, keys = try_insert(entries, looked_through=False)
    if not anybody_erased:
        return keys
    about = about_the_erased([entry.payload for entry in entries])
    less = [
        one
        for entry, forget in zip(entries, about, strict=True)
        for one in (forgotten(entry) if forget else [entry])
    ]
    return try_insert(less, looked_through=True)[1]


def try_insert(entries: Sequence[Entry], *, looked_through: bool) -> tuple[bool, list[int]]:
    """Whether anybody was ever erased, and the keys of what is new. Nothing is inserted if so and
    the entries weren't looked through for them."""
    # One order for all, so that two inserts of the same events wait for each other and no more.
    entries = sorted(entries, key=lambda entry: entry.stripe_id)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [f"[{','.join(map(row, entries))}]", looked_through])
        rows = cursor.fetchall()
    return rows[0][0], [key for _, key in rows if key is not None]


def forgotten(entry: Entry) -> list[Entry]:
    """The entry without anything personal, and what stood inside it as entries of their own."""
    payload = json.loads(entry.payload)
    context = json.dumps(payload["context"]) if payload.get("context") else None
    observed = from_row(
        (
            entry.stripe_id,
            0,
            entry.type,
            entry.source,
            entry.as_of,
            entry.api_version,
            entry.livemode,
            json.dumps(payload["data"]),
            context,
        )
    )
    try:
        small = reduced(payload, observed, entry.object_type, erase=True)
    except NotReduced:  # it must not come in, and must not hold up what comes with it
        logger.exception("Of %s nothing but its id is kept", entry.stripe_id)
        small = reduced(payload, observed, "", erase=True)
    less = replace(entry, payload=json.dumps(small), reduced_for=StripeEvent.Reduced.ERASURE)
    found = [
        entry_of(embedded(observed, data), source=Source.EMBEDDED)
        for data in inside(entry.object_type, observed)
    ]
    return [less, *(one for within in found for one in forgotten(within))]


def retry(keys: Sequence[int], *, reason: str = "") -> int:
    """Make failed and dead events due now, by hand; return how many. Audited."""
    with transaction.atomic():
        events = StripeEvent.objects.filter(
            pk__in=keys, status__in=[StripeEvent.Status.FAILED, StripeEvent.Status.DEAD]
        )
        found = list(events.order_by("pk").select_for_update().values_list("stripe_id", flat=True))
        if found:
            events.update(status=StripeEvent.Status.RECEIVED, attempts=0, not_before=timezone.now())
            record(
                "event.retry", reason=reason, after={"events": found[:1000], "count": len(found)}
            )
    if found:
        wake()
    return len(found)


def wake() -> None:
    """Have a worker process the inbox now, unless one is about to."""
    from payments.tasks import wake_worker

    wake_worker()
