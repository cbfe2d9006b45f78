"""Payloads with less in them: what the mirror reads of one, and that without what is personal.

What the mirror reads isn't listed anywhere: the payload is read once more as the projection reads
it, and notes what was asked of it. So a rebuild from reduced payloads ends in the same rows, and
the histories of subscriptions in the same figures. Nothing is added but pseudonyms: the database
refuses any other change of a payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from auditlog.personal import Erasure, Personal, declaration
from payments.mirror.observations import Observation, before
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS
from payments.mirror.rules import carried, parse, truth, understand
from payments.mirror.specs import Fields, Spec
from payments.pseudonyms import is_pseudonym, pseudonym

Path = tuple[str, ...]
# What was asked for within a value, by key; each entry of a list counts as all of them.
Tree = dict[str, Any]
EACH = "*"
STUB = {"id", "object", "deleted"}


class Said(str):
    """A text of a payload that knows where it stood."""

    path: Path


class Asked(dict[str, Any]):
    """An object of a payload that notes in ``tree`` what it is asked for."""

    def __init__(self, value: Mapping[str, Any], tree: Tree, path: Path) -> None:
        super().__init__(value)
        self.tree, self.path = tree, path

    def _tell(self, key: str) -> Any:
        value = super().get(key)
        return asked(value, self.tree.setdefault(key, {}), (*self.path, key))

    def get(self, key: str, default: Any = None) -> Any:
        return self._tell(key) if key in self else default

    def __getitem__(self, key: str) -> Any:
        super().__getitem__(key)
        return self._tell(key)

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        if found:
            self.tree.setdefault(str(key), {})
        return found

    def items(self) -> Any:
        return [(key, self._tell(key)) for key in self]

    def values(self) -> Any:
        return [self._tell(key) for key in self]


def asked(value: Any, tree: Tree, path: Path) -> Any:
    """The value as one that notes what is asked of it."""
    match value:
        case Mapping():
            return Asked(value, tree, path)
        case list():
            inner = tree.setdefault(EACH, {}) if value else {}
            return [asked(entry, inner, (*path, EACH)) for entry in value]
        case str():
            said = Said(value)
            said.path = path
            return said
    return value


def use_whole(value: Any) -> None:
    """Note that all of a value is used: it stands in a column as it came."""
    match value:
        case Asked():
            for inner in value.values():
                use_whole(inner)
        case Mapping():
            for inner in value.values():
                use_whole(inner)
        case list():
            for inner in value:
                use_whole(inner)


def read(spec: Spec, observed: Observation, data: Mapping[str, Any]) -> tuple[Fields, Tree]:
    """Read an object as the projection does: its columns, and what was asked for.

    Raises:
        BadPayload: it can't be understood.
    """
    tree: Tree = {}
    seen = replace(observed, data=Asked(data, tree, ()), previous=None)
    for key in ("id", "object", "created", "deleted"):
        seen.data.get(key)
    seen = understand(spec, seen)
    fields = dict(seen.fields)
    use_whole(list(fields.values()))
    list(carried(spec, seen.data))
    found = truth(spec, [seen])
    if found is not None:
        list(spec.wishes(found.fields, found.seen))
        if spec.moves is not None:
            spec.moves(seen)
    return fields, tree


def pruned(value: Any, tree: Tree) -> Any:
    """The value with nothing in it but what was asked for."""
    match value:
        case Mapping():
            return {key: pruned(inner, tree[key]) for key, inner in value.items() if key in tree}
        case list():
            return [pruned(entry, tree.get(EACH, {})) for entry in value]
    return value


def merge(first: Tree, second: Tree) -> Tree:
    """What either asked for."""
    return {
        key: merge(first.get(key, {}), second.get(key, {})) for key in first.keys() | second.keys()
    }


def reduced(
    payload: Mapping[str, Any], observed: Observation, object_type: str, *, erase: bool = False
) -> dict[str, Any]:
    """The payload with what the mirror reads of it; with ``erase``, without what is personal.

    Of an object that nobody mirrors, or that can't be understood, its type and id are left.
    """
    data, previous = observed.data, observed.previous
    spec = SPECS.get(object_type)
    small: dict[str, Any] = {}
    try:
        if spec is None or observed.is_stub:
            raise BadPayload("nothing is read of it")
        tree = read(spec, observed, data)[1]
        if previous is not None:
            tree = merge(tree, read_before(spec, observed, data, previous))
        small = {"object": pruned(data, tree)}
        if previous is not None:
            small["previous_attributes"] = pruned(previous, tree)
        if erase:
            small = erased(spec, observed, small)
        check(spec, observed, small, erase=erase)
    except BadPayload:
        small = {"object": {key: data[key] for key in STUB if key in data}}
    kept = ("id", "object", "type", "api_version", "created", "livemode", "context")
    return {**{key: payload[key] for key in kept if key in payload}, "data": small}


def read_before(
    spec: Spec, observed: Observation, data: Mapping[str, Any], previous: Mapping[str, Any]
) -> Tree:
    """What is asked of the object as it was; nothing where that is half an object."""
    tree: Tree = {}
    try:
        parsed = parse(spec, Asked(before(data, previous), tree, ()))
        use_whole(list(parsed.values()))
    except BadPayload:
        return tree
    return tree


class NotReduced(RuntimeError):
    """The mirror would read something else of the reduced payload: a fault of this module."""


def check(spec: Spec, observed: Observation, small: Mapping[str, Any], *, erase: bool) -> None:
    """See that the mirror reads the same of it, but for what is erased.

    Raises:
        NotReduced: it doesn't, or something personal is left; the columns are named.
    """
    was = parse(spec, observed.data)
    now = parse(spec, small["object"])
    personal = erasable(spec) if erase else {}
    other = [name for name in was if name not in personal and was[name] != now[name]]
    left = [name for name, one in personal.items() if value_left(one, now[name])]
    if other or left:
        raise NotReduced(f"{observed.id}: {', '.join(other + left)}")


def erasable(spec: Spec) -> Mapping[str, Personal]:
    """The columns of a mirrored object that erasure changes."""
    declared = declaration(spec.model._meta.label)
    fields = declared.fields if declared else {}
    return {name: one for name, one in fields.items() if one.erasure is not Erasure.KEPT}


def value_left(one: Personal, value: Any) -> bool:
    """Whether a column still holds what was to be erased."""
    match one.erasure:
        case Erasure.PSEUDONYM:
            return bool(value) and not is_pseudonym(value)
        case Erasure.LINKS:
            return not set(value) <= set(one.keys)
    return bool(value)


def erased(spec: Spec, observed: Observation, small: Mapping[str, Any]) -> dict[str, Any]:
    """The reduced data without what its personal columns are made of.

    Each column's text says where it stood, there it goes; if another place serves the column then,
    it goes there too.
    """
    data, previous = small["object"], small.get("previous_attributes")
    columns = erasable(spec)
    while True:
        told = parse(spec, asked(data, {}, ()))
        found = [*places(columns, told)]
        if previous is not None:
            try:
                found += places(columns, parse(spec, asked(before(data, previous), {}, ())))
            except BadPayload:
                previous = None  # half an object: it tells nothing
        if not found:
            break
        for path, substitute in found:
            data = without(data, path, substitute)
            if previous is not None:
                previous = without(previous, path, substitute)
    return {"object": data} | ({} if previous is None else {"previous_attributes": previous})


def places(columns: Mapping[str, Personal], fields: Mapping[str, Any]) -> list[tuple[Path, bool]]:
    """Where what is to be erased stands, and whether a pseudonym stands in for it."""
    found: list[tuple[Path, bool]] = []
    for name, one in columns.items():
        value = fields[name]
        if isinstance(value, Mapping):
            found += [((name, key), False) for key in value if key not in one.keys]
        elif value and not (one.erasure is Erasure.PSEUDONYM and is_pseudonym(value)):
            if not isinstance(value, Said):
                raise NotReduced(f"nobody knows where {name} comes from")
            found.append((value.path, one.erasure is Erasure.PSEUDONYM))
    return found


def without(value: Any, path: Path, substitute: bool) -> Any:
    """The value with nothing at the path, or a pseudonym for the text there."""
    head, *rest = path
    if head == EACH and isinstance(value, list):
        return [without(entry, tuple(rest), substitute) for entry in value]
    if not isinstance(value, Mapping) or head not in value:
        return value
    if rest:
        return {**value, head: without(value[head], tuple(rest), substitute)}
    if substitute and isinstance(value[head], str):
        return {**value, head: pseudonym(value[head])}
    return {key: inner for key, inner in value.items() if key != head}
