"""Events: kept as JSON text from the moment they happen, so later changes can't reach them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from .clock import DAY
from .errors import Obj
from .store import Collection

# https://docs.stripe.com/api/events: "the last 30 days".
RETENTION = 30 * DAY
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``data`` and ``request`` are JSON text."""

    id: str
    type: str
    created: int
    api_version: str
    livemode: bool
    data: str
    request: str
    object_id: str
    position: int
    pending_webhooks: int = 0

    def text(self, api_version: str | None = None) -> str:
        """The event as JSON, in the version of an endpoint or in its own."""
        version = _ENCODE(api_version or self.api_version)
        live = "true" if self.livemode else "false"
        return (
            f'{{"id":"{self.id}","object":"event","api_version":{version},'
            f'"created":{self.created},"data":{self.data},"livemode":{live},'
            f'"pending_webhooks":{self.pending_webhooks},"request":{self.request},'
            f'"type":"{self.type}"}}'
        )

    def as_dict(self, api_version: str | None = None) -> Obj:
        """The event as a dictionary of its own."""
        parsed: Obj = json.loads(self.text(api_version))
        return parsed


class EventLog:
    """Every event in the order in which it happened."""

    def __init__(self) -> None:
        self.collection: Collection[Event] = Collection(
            id_of=lambda event: event.id,
            created_of=lambda event: event.created,
            indexes={"type": lambda event: event.type},
        )
        self.all: list[Event] = []
        self.forgotten = 0

    @property
    def end(self) -> int:
        """The position of the next event."""
        return self.forgotten + len(self.all)

    def append(self, event: Event) -> None:
        """Keep an event."""
        self.all.append(event)
        self.collection.add(event)

    def since(self, cursor: int) -> list[Event]:
        """The events from position ``cursor`` on."""
        return self.all[max(cursor - self.forgotten, 0) :]

    def forget(self, before: int) -> None:
        """Let go of the events from before a time."""
        old = list(takewhile(lambda event: event.created < before, self.all))
        for event in old:
            self.collection.remove(event.id)
        del self.all[: len(old)]
        self.forgotten += len(old)


def encode_data(obj: Mapping[str, Any], previous: Mapping[str, Any] | None) -> str:
    """The ``data`` of an event as JSON text."""
    if previous is None:
        return f'{{"object":{_ENCODE(obj)}}}'
    return f'{{"object":{_ENCODE(obj)},"previous_attributes":{_ENCODE(previous)}}}'


def encode_request(request_id: str | None, idempotency_key: str | None) -> str:
    """The ``request`` of an event as JSON text."""
    return _ENCODE({"id": request_id, "idempotency_key": idempotency_key})


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Obj:
    """What changed, with the values from before: nested objects by key, lists as a whole."""
    previous: Obj = {}
    for key, new in after.items():
        old = before.get(key)
        if old == new and type(old) is type(new):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            inner = previous_attributes(old, new)
            if inner:
                previous[key] = inner
        else:
            previous[key] = old
    for key, old in before.items():
        if key not in after:
            previous[key] = old
    return previous
