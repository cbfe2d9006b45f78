"""What a batch of observations changed, and who wants to know.

The apps to the right of payments register a handler in their ``AppConfig.ready()``; it is called
once a batch, inside the batch's transaction, with everything that the batch changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from payments.models import MirrorObject

M = TypeVar("M", bound=MirrorObject)


@dataclass(frozen=True)
class Change(Generic[M]):
    """A mirrored object before (None: it is new) and after, and the event it is put down to."""

    before: M | None
    after: M
    event_id: int


@dataclass
class Changes:
    """All objects that a batch changed, by model and id.

    A late observation may tell what an object was without changing what it is; the objects of
    which that matters are in ``observed``, changed or not.
    """

    by_model: dict[type[MirrorObject], dict[str, Change[MirrorObject]]] = field(
        default_factory=dict
    )
    observed: dict[type[MirrorObject], set[str]] = field(default_factory=dict)

    def of(self, model: type[M]) -> Mapping[str, Change[M]]:
        """The changed objects of one model by their id; empty where there are none."""
        return cast(Mapping[str, Change[M]], self.by_model.get(model, {}))

    def __bool__(self) -> bool:
        return any(self.by_model.values()) or any(self.observed.values())


Handler = Callable[[Changes], None]
_handlers: list[Handler] = []


def on_change(handler: Handler) -> Handler:
    """Call ``handler`` after each batch that changed something. Handlers run as registered."""
    if handler not in _handlers:
        _handlers.append(handler)
    return handler


def announce(changes: Changes) -> None:
    """Tell every handler, if anything changed."""
    if changes:
        for handler in _handlers:
            handler(changes)
