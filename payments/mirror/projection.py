"""From a batch of inbox rows to mirrored objects, with a number of statements that doesn't grow."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from payments import reads
from payments.changes import Change, Changes
from payments.mirror import balance, billing, catalogue, endpoints, money
from payments.mirror.observations import Observation
from payments.mirror.parsing import BadPayload
from payments.mirror.rules import Truth, carried, truth, understand
from payments.mirror.specs import Spec, Wish, cause
from payments.models import BalanceTransaction, Coupon, MirrorObject

SPECS: dict[str, Spec] = {
    spec.model.OBJECT: spec
    for spec in [
        *money.SPECS,
        *balance.SPECS,
        *catalogue.SPECS,
        *billing.SPECS,
        *endpoints.SPECS,
    ]
}
# Columns that tell how we know, not what is so.
PROVENANCE = {"as_of", "api_version"}
# Objects that never change once they are complete, so one that we have needn't be read again.
FIXED: dict[str, type[MirrorObject]] = {
    "balance_transaction": BalanceTransaction,
    "coupon": Coupon,
}

Key = tuple[str, str]


@dataclass
class Projected:
    """The changes, the bad observations by inbox row, and the objects found inside."""

    changes: Changes = field(default_factory=Changes)
    bad: dict[int, str] = field(default_factory=dict)
    carried: list[tuple[Observation, Mapping[str, Any]]] = field(default_factory=list)


def project(keys: Collection[Key], claimed: Collection[int]) -> Projected:
    """Bring the mirror of the objects ``keys`` up to all their observations.

    The caller holds the objects' locks. ``claimed`` are the inbox rows being processed: theirs are
    the errors reported and the carried objects returned. Doesn't call the handlers.
    """
    projected = Projected()
    by_object: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    claimed = set(claimed)
    for object_type, object_id, raw in load(keys):
        try:
            observed = understand(SPECS[object_type], raw)
        except BadPayload as error:
            if raw.event_pk in claimed:
                projected.bad[raw.event_pk] = str(error)
            continue
        by_object[object_type][object_id].append(observed)
        if raw.event_pk in claimed:
            inside = carried(SPECS[object_type], observed.data)
            projected.carried.extend((observed, data) for data in inside if data["object"] in SPECS)
    wishes: set[Wish] = set()
    for object_type, observations in by_object.items():
        if SPECS[object_type].historical:
            projected.changes.observed[SPECS[object_type].model] = set(observations)
        wishes |= write(SPECS[object_type], observations, projected.changes)
    inside_keys = {(data["object"], data["id"]) for _, data in projected.carried}
    reads.request(unknown(wishes - inside_keys))
    return projected


def load(keys: Collection[Key]) -> Iterator[tuple[str, str, Observation]]:
    """All observations of the given objects, from the inbox."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT object_type, object_id, stripe_id, id, type, source, as_of, api_version,
                livemode, payload -> 'data', payload -> 'context'
            FROM payments_stripeevent
            JOIN unnest(%s::text[], %s::text[]) AS wanted (object_type, object_id)
                USING (object_type, object_id)
            """,
            [[kind for kind, _ in keys], [key for _, key in keys]],
        )
        for row in cursor.fetchall():
            yield row[0], row[1], from_row(row[2:])


def from_row(row: Sequence[Any]) -> Observation:
    """An observation of a row as ``load`` selects it."""
    stripe_id, pk, type_, source, as_of, api_version, livemode, data, context = row
    envelope = json.loads(data)
    previous = envelope.get("previous_attributes")
    return Observation(
        id=stripe_id,
        event_pk=pk,
        type=type_,
        source=source,
        as_of=as_of,
        api_version=api_version,
        livemode=livemode,
        data=envelope["object"],
        previous=previous if isinstance(previous, dict) else None,
        context=json.loads(context) if context else {},
    )


def write(
    spec: Spec, observations: Mapping[str, Sequence[Observation]], changes: Changes
) -> set[Wish]:
    """Write the objects of one kind whose truth differs from their row; note what changed."""
    truths: dict[str, Truth] = {}
    for key, seen in observations.items():
        found = truth(spec, seen)
        if found is not None:
            truths[key] = found
    existing: Mapping[str, MirrorObject] = spec.model._default_manager.in_bulk(list(truths))
    rows: list[MirrorObject] = []
    changed: dict[str, Change[MirrorObject]] = {}
    wishes: set[Wish] = set()
    for key in sorted(truths):
        found, old = truths[key], existing.get(key)
        differing = (
            spec.columns
            if old is None
            else [name for name in spec.columns if getattr(old, name) != found.fields[name]]
        )
        if not differing:
            continue
        new = spec.model(id=key, **found.fields)
        rows.append(new)
        if old is None or not PROVENANCE.issuperset(differing):
            changed[key] = Change(old, new, cause(spec, found.seen).event_pk)
            wishes |= set(spec.wishes(found.fields, found.seen))
        if found.fields["ambiguous"]:
            wishes.add((spec.model.OBJECT, key))
    spec.model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=update_fields(spec)
    )
    if changed:
        changes.by_model[spec.model] = changed
    return wishes


def update_fields(spec: Spec) -> list[str]:
    return [
        column.name
        for column in spec.model._meta.concrete_fields
        if not column.generated and not column.primary_key
    ]


def unknown(wishes: Iterable[Wish]) -> set[Wish]:
    """The wishes less those for fixed objects that the mirror has already."""
    wishes = set(wishes)
    for kind, model in FIXED.items():
        keys = [key for wished, key in wishes if wished == kind]
        if keys:
            known = model._default_manager.filter(id__in=keys).values_list("id", flat=True)
            wishes -= {(kind, key) for key in known}
    return wishes
