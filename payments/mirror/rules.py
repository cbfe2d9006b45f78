"""Which of several observations of one object is the truth.

The state of an object is a function of the *set* of its observations; the order in which they
arrived plays no part. The newer ``as_of`` wins. Within one second, in this order: events before
reads; ``*.created`` is first; an event follows the one whose values its ``previous_attributes``
name; the object's own rule; then the id, and the object is marked ambiguous and read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from payments.mirror.observations import Observation, before
from payments.mirror.parsing import BadPayload, identifier, listed, metadata, moment, word
from payments.mirror.specs import Fields, Spec

# Pairs are compared within one second only; past this many the chain isn't followed.
MOST_IN_A_SECOND = 100


@dataclass(frozen=True)
class Truth:
    """The mirror's columns, and what they come from: ``seen`` has the deciding one last."""

    fields: Fields
    seen: Sequence[Observation]


def parse(spec: Spec, data: Mapping[str, Any]) -> Fields:
    """The object's own columns and those that all objects have.

    Raises:
        BadPayload: whatever it is that can't be understood, so that it holds up no other.
    """
    try:
        fields = spec.parse(data)
        fields["created"] = moment(data, "created") or moment(data, "date")
        fields["metadata"] = metadata(data)
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"it can't be understood: {type(error).__name__}: {error}") from error
    return fields


def understand(spec: Spec, raw: Observation) -> Observation:
    """The observation with its columns.

    Raises:
        BadPayload: it names the field that can't be kept.
    """
    for inside in carried(spec, raw.data):
        word(inside, "object")
        identifier(inside, "id")
    return raw if raw.is_stub else replace(raw, fields=parse(spec, raw.data))


def carried(spec: Spec, data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The whole objects that stand inside the observed one."""
    for name in spec.carries:
        value = data.get(name)
        if isinstance(value, Mapping) and value.get("object") != "list":
            entries: list[Any] = [value]
        elif isinstance(value, Mapping | list):
            entries = listed(data, name)
        else:
            continue
        for entry in entries:
            if isinstance(entry, Mapping) and entry.get("object") and entry.get("id"):
                yield entry


def truth(spec: Spec, observations: Sequence[Observation]) -> Truth | None:
    """What the observations, all of one object, say together; None when none shows it whole."""
    ordered = sorted(observations, key=lambda o: (o.as_of, o.is_event, o.id))
    whole = [observed for observed in ordered if not observed.is_stub]
    if not whole:
        return None
    candidates = whole
    if spec.absorbs is not None:
        candidates = [o for o in whole if spec.absorbs(o.fields)] or whole
    newest = candidates[-1].as_of
    winner, ambiguous = decide(spec, [o for o in candidates if o.as_of == newest])
    seen = [observed for observed in whole if observed is not winner] + [winner]
    fields: Fields = {
        **winner.fields,
        "livemode": winner.livemode,
        "as_of": winner.as_of,
        "api_version": winner.api_version,
        "ambiguous": ambiguous,
    }
    fields.update(spec.facts(fields, seen))
    if spec.deletable:
        fields["deleted"] = any(observed.deletes for observed in ordered)
    return Truth(fields, seen)


def decide(spec: Spec, tied: Sequence[Observation]) -> tuple[Observation, bool]:
    """The last of the observations of one second, and whether that is a guess."""
    left = [o for o in tied if o.is_event] or list(tied)
    left = [o for o in left if not o.creates] or left
    if len(left) > 1 and not agree(left):
        left = last_of_chain(spec, left)
    if len(left) > 1 and spec.rank is not None:
        ranks = [spec.rank(o.fields) for o in left]
        left = [o for o, rank in zip(left, ranks, strict=True) if rank == max(ranks)]
    return max(left, key=lambda o: o.id), not agree(left)


def agree(observations: Sequence[Observation]) -> bool:
    return all(o.fields == observations[0].fields for o in observations[1:])


def last_of_chain(spec: Spec, events: list[Observation]) -> list[Observation]:
    """Those that no other event follows; all of them where the chain doesn't tell."""
    if len(events) > MOST_IN_A_SECOND:
        return events
    changes = [changed_from(spec, event) for event in events]
    followed = set()
    for i, first in enumerate(events):
        for j, second in enumerate(events):
            if i != j and follows(changes[j], first) and not follows(changes[i], second):
                followed.add(i)
    return [event for i, event in enumerate(events) if i not in followed] or events


def changed_from(spec: Spec, event: Observation) -> Fields:
    """The columns that the event changed, with their values before; empty where it doesn't say."""
    if not event.previous:
        return {}
    try:
        old = parse(spec, before(event.data, event.previous))
    except BadPayload:  # what was before may be half an object; then it tells nothing
        return {}
    return {name: value for name, value in old.items() if value != event.fields[name]}


def follows(changed: Fields, first: Observation) -> bool:
    """Whether ``first`` holds every value that was there before the change."""
    return bool(changed) and all(first.fields[name] == value for name, value in changed.items())
