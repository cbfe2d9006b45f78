"""Observations of whom to forget: what comes of them, late or listed again, comes in reduced."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from payments.mirror.observations import Observation
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS, from_row
from payments.mirror.rules import carried, understand
from payments.models import ErasedKey, StripeEvent
from payments.pseudonyms import keyed
from payments.reduction import NotReduced, reduced

logger = logging.getLogger(__name__)

# Of a JSON text: what may be the id of an object, and what may be an address.
ID = re.compile(r'"([a-z]{2,}_\w{1,250})"')
ADDRESS = re.compile(r'"([^"@]*@[^"]*)"')


def about_the_erased(texts: Sequence[str]) -> list[bool]:
    """For each payload, as JSON, whether it is about an erased person; one statement."""
    mentioned = [keys(text) for text in texts]
    found = dict(
        ErasedKey.objects.filter(key__in=set().union(*mentioned)).values_list("key", "erased_at")
    )
    return [
        any(
            not key.startswith(ErasedKey.EMAIL) or made(json.loads(text)) <= found[key]
            for key in names & found.keys()
        )
        for text, names in zip(texts, mentioned, strict=True)
    ]


def keys(text: str) -> set[str]:
    """The keys under which a person could be erased that a payload, as JSON, mentions."""
    addresses = {ErasedKey.EMAIL + keyed(decoded(one)) for one in ADDRESS.findall(text)}
    return addresses | set(ID.findall(text))


def decoded(text: str) -> str:
    """What stood between two quotes of JSON; as it is, where these weren't a string's."""
    try:
        found: str = json.loads(f'"{text}"')
    except ValueError:
        return text
    return found


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
    """Reduce these payloads, in one statement; return how many.

    One that can't be reduced stays as it came after its time, and is told about.

    Raises:
        NotReduced: it can't, and is to be erased.
    """
    erase = why == StripeEvent.Reduced.ERASURE
    less: dict[int, str] = {}
    for pk, object_type, observed, text in rows:
        try:
            small = reduced(json.loads(text), observed, object_type, erase=erase)
        except NotReduced:
            if erase:
                raise
            logger.exception("The payload of %s stays as it came", observed.id)
            continue
        less[pk] = json.dumps(small)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_stripeevent AS event
            SET payload = less.payload::jsonb, reduced_for = %s
            FROM unnest(%s::bigint[], %s::text[]) AS less (id, payload)
            WHERE event.id = less.id
            """,
            [why, list(less), list(less.values())],
        )
        count: int = cursor.rowcount
        return count
