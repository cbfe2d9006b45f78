"""Observations of whom to forget: what comes of them, late or listed again, comes in reduced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from payments.mirror.observations import Observation
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS, from_row
from payments.mirror.rules import carried, understand
from payments.models import ErasedKey, StripeEvent
from payments.pseudonyms import keyed
from payments.reduction import reduced

ID = re.compile(r"[a-z]{2,}_[\w]{1,250}")


def about_the_erased(payloads: Iterable[str]) -> list[bool]:
    """For each payload, as JSON, whether it is about an erased person. One statement while nobody
    is erased, otherwise two."""
    texts = list(payloads)
    if not ErasedKey.objects.exists():
        return [False] * len(texts)
    loaded = [json.loads(text) for text in texts]
    mentioned = [keys(payload) for payload in loaded]
    found = dict(
        ErasedKey.objects.filter(key__in=set().union(*mentioned)).values_list("key", "erased_at")
    )
    return [
        any(
            key in found and (not key.startswith(ErasedKey.EMAIL) or made(payload) <= found[key])
            for key in names
        )
        for payload, names in zip(loaded, mentioned, strict=True)
    ]


def keys(payload: Any) -> set[str]:
    """The keys under which a person could be erased that a payload mentions."""
    return {
        ErasedKey.EMAIL + keyed(text) if "@" in text else text
        for text in texts(payload)
        if "@" in text or ID.fullmatch(text)
    }


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def made(payload: Mapping[str, Any]) -> datetime:
    """When the object of an event was made; else when the event was."""
    created = payload["data"]["object"].get("created")
    seconds = created if isinstance(created, int) else payload["created"]
    return datetime.fromtimestamp(seconds, UTC)


def inside(object_type: str, observed: Observation) -> list[Mapping[str, Any]]:
    """The whole objects within an observation, which a reduction loses."""
    spec = SPECS.get(object_type)
    if spec is None:
        return []
    try:
        seen = understand(spec, observed)
    except BadPayload:
        return []
    return [data for data in carried(spec, seen.data) if data["object"] in SPECS]


Row = tuple[int, str, Observation, str]

LOAD = """
    SELECT id, object_type, payload::text, stripe_id, id, type, source, as_of, api_version,
        livemode, payload -> 'data', payload -> 'context'
    FROM payments_stripeevent
    WHERE id = ANY(%s) AND reduced_for <> 'erasure' {only}
    ORDER BY id
    FOR UPDATE
"""


def load_rows(pks: Sequence[int], *, only: str = "") -> list[Row]:
    """The rows of the inbox that can be reduced, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOAD.format(only=only), [list(pks)])
        return [(row[0], row[1], from_row(row[3:]), row[2]) for row in cursor.fetchall()]


def reduce_rows(rows: Sequence[Row], why: StripeEvent.Reduced) -> int:
    """Reduce these payloads, in one statement; return how many there were."""
    erase = why == StripeEvent.Reduced.ERASURE
    less = [
        json.dumps(reduced(json.loads(text), observed, object_type, erase=erase))
        for _, object_type, observed, text in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_stripeevent AS event
            SET payload = less.payload::jsonb, reduced_for = %s
            FROM unnest(%s::bigint[], %s::text[]) AS less (id, payload)
            WHERE event.id = less.id
            """,
            [why, [pk for pk, *_ in rows], less],
        )
        count: int = cursor.rowcount
        return count
