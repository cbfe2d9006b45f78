"""Collections that page newest first, with indexes: no listing scans what it needn't."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[int, int]
Getter = Callable[[T], Hashable]


class Ordered:
    """Keys in ascending order of (created, sequence); nearly always appended to."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def add(self, key: Key) -> None:
        """Put ``key`` in its place."""
        if not self.keys or key > self.keys[-1]:
            self.keys.append(key)
        else:
            insort(self.keys, key)

    def discard(self, key: Key) -> None:
        """Take ``key`` out if it is there."""
        at = bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            del self.keys[at]


@dataclass(frozen=True)
class Window:
    """The part of a list that was asked for."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    since: int | None = None  # created >= since
    until: int | None = None  # created < until


@dataclass
class Collection(Generic[T]):
    """Objects of one kind by id, in order, and by the values of their indexed fields."""

    id_of: Callable[[T], str]
    created_of: Callable[[T], int]
    indexes: Mapping[str, Getter[T]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.items: dict[str, T] = {}
        self.order = Ordered()
        self._keys: dict[str, Key] = {}
        self._by_sequence: dict[int, T] = {}
        self._values: dict[str, dict[str, Hashable]] = {}
        self._index: dict[str, dict[Hashable, Ordered]] = {name: {} for name in self.indexes}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: T) -> None:
        """Keep a new object."""
        id_ = self.id_of(item)
        self._sequence += 1
        key = (self.created_of(item), self._sequence)
        self.items[id_] = item
        self._keys[id_] = key
        self._by_sequence[self._sequence] = item
        self.order.add(key)
        values: dict[str, Hashable] = {}
        for name, getter in self.indexes.items():
            value = getter(item)
            values[name] = value
            if value is not None:
                self._index[name].setdefault(value, Ordered()).add(key)
        if values:
            self._values[id_] = values

    def changed(self, item: T) -> None:
        """Bring the indexes up to date after a change of the object."""
        id_ = self.id_of(item)
        values = self._values.get(id_)
        if values is None:
            return
        for name, getter in self.indexes.items():
            value = getter(item)
            if value == values[name]:
                continue
            key = self._keys[id_]
            if values[name] is not None:
                self._index[name][values[name]].discard(key)
            if value is not None:
                self._index[name].setdefault(value, Ordered()).add(key)
            values[name] = value

    def remove(self, id_: str) -> None:
        """Forget an object."""
        key = self._keys.pop(id_)
        del self.items[id_]
        del self._by_sequence[key[1]]
        self.order.discard(key)
        for name, value in self._values.pop(id_, {}).items():
            if value is not None:
                self._index[name][value].discard(key)

    def older_than(self, created: int) -> list[T]:
        """The objects made before a time, oldest first."""
        keys = self.order.keys
        return [self._by_sequence[at] for _, at in keys[: bisect_left(keys, (created, 0))]]

    def where(self, **values: Hashable) -> Iterator[T]:
        """The objects with these indexed values, newest first."""
        for key in reversed(list(self._narrowest(values).keys)):
            item = self._by_sequence[key[1]]
            if self._matches(item, values):
                yield item

    def page(
        self,
        window: Window,
        values: Mapping[str, Hashable] | None = None,
        accept: Callable[[T], bool] | None = None,
    ) -> tuple[list[T], bool]:
        """One page, newest first, and whether there is more beyond it."""
        wanted = dict(values or {})
        keys = self._narrowest(wanted).keys
        low, high = 0, len(keys)
        if window.since is not None:
            low = max(low, bisect_left(keys, (window.since, 0)))
        if window.until is not None:
            high = min(high, bisect_left(keys, (window.until, 0)))
        forwards = window.ending_before is not None
        if window.ending_before is not None:
            low = max(low, bisect_right(keys, self._keys[window.ending_before]))
        elif window.starting_after is not None:
            high = min(high, bisect_left(keys, self._keys[window.starting_after]))
        found: list[T] = []
        positions = range(low, high) if forwards else range(high - 1, low - 1, -1)
        for position in positions:
            item = self._by_sequence[keys[position][1]]
            if self._matches(item, wanted) and (accept is None or accept(item)):
                found.append(item)
                if len(found) > window.limit:
                    break
        has_more = len(found) > window.limit
        found = found[: window.limit]
        return (found[::-1] if forwards else found), has_more

    def _narrowest(self, values: Mapping[str, Hashable]) -> Ordered:
        best = self.order
        for name, value in values.items():
            candidate = self._index[name].get(value)
            if candidate is None:
                return Ordered()
            if len(candidate.keys) < len(best.keys):
                best = candidate
        return best

    def _matches(self, item: T, values: Mapping[str, Hashable]) -> bool:
        return all(self.indexes[name](item) == value for name, value in values.items())
