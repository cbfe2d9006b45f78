"""What an act changed, value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WITHIN = " › "


@dataclass(frozen=True)
class Difference:
    """A value before and after, in words; None where it wasn't there."""

    name: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """``added``, ``removed``, ``changed``, or nothing where it stayed."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.before != self.after else ""

    def __str__(self) -> str:
        if not self.kind:
            return f"{self.name}: {self.after}"
        if self.before is None:
            return f"{self.name}: {self.after}"
        return f"{self.name}: {self.before} → {'none' if self.after is None else self.after}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Each value of the two, in the order of ``after``, those that are only before at the end."""
    was, is_now = dict(values(before)), dict(values(after))
    return [Difference(name, was.get(name), is_now.get(name)) for name in {**is_now, **was}]


def values(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each single value within, under the name that says where it stands."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        inner = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        inner = [(str(number), one) for number, one in enumerate(value, 1)]
    if inner:
        for key, one in inner:
            yield from values(one, f"{name}{WITHIN}{key}" if name else key)
    elif name:
        yield name, in_words(value)


def in_words(value: Any) -> str:
    """A single value, or a list of them, as a person reads it."""
    if isinstance(value, str):
        return value or "(empty)"
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if value is None or value == {}:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else json.dumps(value)
