"""An observation: what Stripe said of one object at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from payments.models import Source


@dataclass(frozen=True)
class Observation:
    """``fields`` are the mirror's columns as this observation has them; ``before`` what they were
    before the event, where it says so."""

    id: str
    event_pk: int
    type: str
    source: str
    as_of: datetime
    api_version: str
    livemode: bool
    data: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    context: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None

    @property
    def is_event(self) -> bool:
        """Events are exact; a read or an embedded object may be older than its ``as_of``."""
        return self.source in (Source.WEBHOOK, Source.LISTED)

    @property
    def creates(self) -> bool:
        return self.is_event and self.type.endswith(".created")

    @property
    def deletes(self) -> bool:
        return self.type.endswith(".deleted") or self.data.get("deleted") is True

    @property
    def is_stub(self) -> bool:
        """A deleted object reads as its id alone."""
        return self.data.get("deleted") is True and "created" not in self.data


def before(data: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it was: ``previous_attributes`` laid over it. Nested objects hold only what
    changed; lists are whole."""
    result = dict(data)
    for key, value in previous.items():
        now = data.get(key)
        if isinstance(value, Mapping) and isinstance(now, Mapping):
            result[key] = before(now, value)
        else:
            result[key] = value
    return result
