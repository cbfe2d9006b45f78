"""The inbox's door: verified bodies and API reads go in here, once each, unchanged."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from auditlog.services import record
from payments.client import livemode
from payments.forgetting import about_the_erased, inside
from payments.mirror.observations import Observation
from payments.mirror.parsing import IDENTIFIER, BadPayload, from_unix
from payments.mirror.projection import SPECS, from_row
from payments.models import Source, StripeEvent
from payments.reduction import NotReduced, reduced

logger = logging.getLogger(__name__)

MAX_DEPTH = 100
# Stripe's clock and ours differ by less; an event from the future would win for ever.
MAX_AHEAD = timedelta(days=1)
TYPE = re.compile(r"[a-z0-9_.]{1,100}")
# Escapes that PostgreSQL's JSON refuses: NUL, and half of a surrogate pair.
SUSPECT = re.compile(r"\\u0000|\\u[dD][89a-fA-F]")


class BadBody(ValueError):
    """Not an event that can be kept; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A row for the inbox."""

    stripe_id: str
    source: str
    type: str
    object_type: str
    object_id: str
    api_version: str
    livemode: bool
    as_of: datetime
    payload: str
    note: str = ""
    reduced_for: str = StripeEvent.Reduced.NOT

    @property
    def status(self) -> str:
        """What nobody handles is settled at once."""
        handled = self.object_type in SPECS and self.object_id
        return StripeEvent.Status.RECEIVED if handled else StripeEvent.Status.IGNORED


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


def embedded(parent: Observation, data: Mapping[str, Any]) -> dict[str, Any]:
    """An object found inside an observation, as an observation of its own."""
    identity = f"{parent.id}/{data['id']}"
    if len(identity) > 255:
        identity = f"embedded_{hashlib.sha256(identity.encode()).hexdigest()}"
    return {
        "id": identity,
        "object": "event",
        "type": f"read.{data['object']}",
        "api_version": parent.api_version,
        "created": int(parent.as_of.timestamp()),
        "livemode": parent.livemode,
        "data": {"object": data},
    }


def decode(body: bytes) -> dict[str, Any]:
    """The body as JSON.

    Raises:
        BadBody: not UTF-8, not JSON, not an object, nested too deeply, or numbers out of range.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    try:
        payload = json.loads(text, parse_constant=refuse_constant, parse_float=finite)
    except RecursionError:
        raise BadBody(f"the body is nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError:
        raise BadBody("the body is not JSON") from None
    except ValueError as error:  # a number that is none, or has thousands of digits
        raise BadBody(f"the body has a number that can't be kept: {error}"[:200]) from None
    if not isinstance(payload, dict):
        raise BadBody("the body is not a JSON object")
    return payload


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number[:40])
    return value


def entry_of(payload: Mapping[str, Any], *, source: str) -> Entry:
    """Check an event's envelope and make its row. What is wrong inside the object isn't looked at
    here: that is for the projection, which keeps the event and says why it failed.

    Raises:
        BadBody: the message names the field.
    """
    payload, text, note = encode(payload)
    data = payload.get("data")
    data = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping):
        raise BadBody("data.object is missing")
    object_type, object_id = data.get("object"), data.get("id")
    if not isinstance(object_type, str) or not TYPE.fullmatch(object_type):
        raise BadBody("data.object.object is missing or not a name")
    # A preview such as invoice.upcoming has no id: there is nothing to mirror.
    if object_id is not None and not _matches(IDENTIFIER, object_id):
        raise BadBody("data.object.id is not an id of at most 255 characters")
    account = payload.get("account")
    if account and account != settings.STRIPE_ACCOUNT:
        note = "; ".join(filter(None, [note, f"of another account, {str(account)[:100]}"]))
        object_type, object_id = "", None
    livemode = payload.get("livemode", False)
    if not isinstance(livemode, bool):
        raise BadBody("livemode is not true or false")
    version = payload.get("api_version") or ""
    if not isinstance(version, str) or len(version) > 64:
        raise BadBody("api_version is not a text of at most 64 characters")
    return Entry(
        stripe_id=_checked(payload, "id", IDENTIFIER, "an id of at most 255 characters"),
        source=source,
        type=_checked(payload, "type", TYPE, "an event's type"),
        object_type=object_type,
        object_id=object_id or "",
        api_version=version,
        livemode=livemode,
        as_of=when(payload),
        payload=text,
        note=note,
    )


def when(payload: Mapping[str, Any]) -> datetime:
    try:
        created = from_unix(payload.get("created"), "created")
    except BadPayload as error:
        raise BadBody(str(error)) from None
    if created > timezone.now() + MAX_AHEAD:
        raise BadBody(f"created lies in the future: {created:%Y-%m-%d %H:%M:%S} UTC")
    return created.astimezone(UTC)


def _checked(payload: Mapping[str, Any], key: str, pattern: re.Pattern[str], what: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadBody(f"{key} is missing or not {what}")
    return value


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def encode(payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, str]:
    """The payload as PostgreSQL can keep it, its text, and a note where that isn't quite what came.

    A NUL or half a surrogate pair in a name is no reason to lose a payment: each becomes U+FFFD.
    """
    check_depth(payload)
    text = json.dumps(payload)
    if not SUSPECT.search(text):
        return payload, text, ""
    cleaned = clean(payload)
    if cleaned == payload:
        return payload, text, ""  # whole pairs
    return cleaned, json.dumps(cleaned), "characters that can't be stored were replaced by U+FFFD"


def clean(value: Any) -> Any:
    if isinstance(value, str):
        return (
            value.replace("\0", "\ufffd")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
    if isinstance(value, Mapping):
        return {clean(key): clean(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    return value


def check_depth(payload: Mapping[str, Any]) -> None:
    level: list[Any] = [payload]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return
    raise BadBody(f"the body is nested more than {MAX_DEPTH} deep")


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
}
# One text with all rows: quoting each payload as an element of an array takes three times as long.
# Once somebody was erased, nothing goes in that wasn't looked through; until then it costs nothing.
INSERT = f"""
    WITH erased AS (SELECT EXISTS (SELECT FROM payments_erasedkey) AS anybody),
    inserted AS (
        INSERT INTO payments_stripeevent
            ({", ".join(COLUMNS)}, received_at, not_before, attempts, error, processed_at)
        SELECT *, now(), now(), 0, '', CASE WHEN status = 'ignored' THEN now() END
        FROM json_to_recordset(%s)
            AS entry ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())})
        WHERE %s OR NOT (SELECT anybody FROM erased)
        ON CONFLICT (stripe_id) DO NOTHING
        RETURNING id
    )
    SELECT anybody, id FROM erased LEFT JOIN inserted ON true
"""


def row(entry: Entry) -> str:
    """The entry as a JSON object by columns; its payload is JSON already."""
    rest = {name: getattr(entry, name) for name in COLUMNS if name != "payload"}
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
