"""What the projection must know of each kind of object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from payments.mirror.observations import Observation
from payments.models import MirrorObject

Fields = dict[str, Any]
Wish = tuple[str, str]


def no_facts(fields: Mapping[str, Any], seen: Sequence[Observation]) -> Fields:
    return {}


def no_wishes(fields: Mapping[str, Any], seen: Sequence[Observation]) -> Iterable[Wish]:
    return ()


@dataclass(frozen=True)
class Spec:
    """How one kind of Stripe object is mirrored.

    ``parse`` turns the object, in the shape of any API version, into the model's columns.
    ``rank`` orders two observations of the same second; ``absorbs`` says that nothing follows.
    ``facts`` are columns that come from all observations and not from the newest one alone; they
    override. ``wishes`` names the reads through the API that the object calls for.
    ``carries`` are the places in the object where whole other objects may stand. ``moves`` tells
    the observations that say that the object moved money: a change is put down to the first one.
    ``historical``: others want to know what it was, too, and hear of each observation.
    """

    model: type[MirrorObject]
    parse: Callable[[Mapping[str, Any]], Fields]
    rank: Callable[[Mapping[str, Any]], int] | None = None
    absorbs: Callable[[Mapping[str, Any]], bool] | None = None
    facts: Callable[[Mapping[str, Any], Sequence[Observation]], Fields] = no_facts
    wishes: Callable[[Mapping[str, Any], Sequence[Observation]], Iterable[Wish]] = no_wishes
    carries: tuple[str, ...] = ()
    moves: Callable[[Observation], bool] | None = None
    deletable: bool = False
    historical: bool = False
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        columns = tuple(
            column.attname
            for column in self.model._meta.concrete_fields
            if not column.generated and column.attname != "id"
        )
        object.__setattr__(self, "columns", columns)


def cause(spec: Spec, seen: Sequence[Observation]) -> Observation:
    """The observation that a change is put down to: the first that says that money moved, events
    before reads; the deciding one where none does."""
    moving = [observed for observed in seen if spec.moves is not None and spec.moves(observed)]
    return min(moving, key=lambda o: (not o.is_event, o.as_of, o.id), default=seen[-1])


def latest(seen: Sequence[Observation], name: str) -> Any:
    """The newest value of a column that was there: one that is never lost again. ``seen`` runs
    from the oldest to the newest."""
    for observed in reversed(seen):
        if observed.fields[name] is not None:
            return observed.fields[name]
    return None


def first_time(
    seen: Sequence[Observation], holds: Callable[[Observation], bool]
) -> datetime | None:
    """When something was first true: of an event at its time, otherwise when the object was made.

    A read says that it was true by then, not since when, so the object's own ``created`` serves.
    """
    times = [observed.as_of for observed in seen if observed.is_event and holds(observed)]
    if times:
        return min(times)
    for observed in seen:
        if holds(observed):
            created: datetime | None = observed.fields["created"]
            return created or observed.as_of
    return None
