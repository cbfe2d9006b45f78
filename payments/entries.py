"""What goes into the inbox: a verified body or an API read, checked, as a row of it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from auditlog.context import current_actor
from payments.mirror.observations import Observation
from payments.mirror.parsing import IDENTIFIER, BadPayload, from_unix
from payments.mirror.projection import SPECS
from payments.models import StripeEvent

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
    request_id: str = field(default_factory=lambda: current_actor().request_id)
    received_at: datetime | None = None  # None: now

    @property
    def status(self) -> str:
        """What nobody handles is settled at once."""
        handled = self.object_type in SPECS and self.object_id
        return StripeEvent.Status.RECEIVED if handled else StripeEvent.Status.IGNORED


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
