"""What an object was, and since when: its truth after each of its observations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from payments.mirror.observations import Observation, before
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS, load
from payments.mirror.rules import decide, parse, understand
from payments.mirror.specs import Spec


@dataclass(frozen=True)
class State:
    """The mirror's columns from ``as_of`` on, and ``earlier`` where the observation tells what
    they were right before."""

    as_of: datetime
    fields: Mapping[str, Any]
    is_first: bool  # the object came into being here
    earlier: Mapping[str, Any] | None


def histories(object_type: str, ids: Collection[str]) -> dict[str, list[State]]:
    """For each of these objects its states in order, from one statement; the last is the mirror's.

    Observations that can't be understood are passed over, as the mirror does.
    """
    spec = SPECS[object_type]
    seen: dict[str, list[Observation]] = defaultdict(list)
    for _, object_id, raw in load([(object_type, one) for one in ids]):
        try:
            seen[object_id].append(understand(spec, raw))
        except BadPayload:
            continue
    return {object_id: history(spec, observations) for object_id, observations in seen.items()}


def history(spec: Spec, observations: Sequence[Observation]) -> list[State]:
    """The states of one object; see :func:`histories`."""
    whole = sorted(
        (one for one in observations if not one.is_stub),
        key=lambda o: (o.as_of, o.is_event, o.id),
    )
    states: list[State] = []
    absorbed = False
    for as_of, group in groupby(whole, key=lambda o: o.as_of):
        tied = list(group)
        if spec.absorbs is not None:
            final = [one for one in tied if spec.absorbs(one.fields)]
            if absorbed and not final:
                continue
            absorbed = absorbed or bool(final)
            tied = final or tied
        winner, _ = decide(spec, tied)
        first = next((one for one in tied if one.creates), None)
        fields = {**winner.fields, **spec.facts(winner.fields, whole)}
        states.append(State(as_of, fields, first is not None, earlier(spec, first or winner)))
    return states


def earlier(spec: Spec, observed: Observation) -> Mapping[str, Any] | None:
    """The columns before the event, where it says what they were."""
    if observed.creates or not observed.previous:
        return None
    try:
        return parse(spec, before(observed.data, observed.previous))
    except BadPayload:  # what was before may be half an object; then it tells nothing
        return None
