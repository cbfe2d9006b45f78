"""A column that names many ids in few words: Postgres' own ranges of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# First and last id of each range, both included, in order.
Ranges = tuple[tuple[int, int], ...]


class IdRangesField(models.Field[Ranges, Ranges]):
    """Ids as an ``int8multirange`` (https://www.postgresql.org/docs/current/rangetypes.html)."""

    description = "ranges of ids"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "int8multirange"

    def from_db_value(self, value: Any, *args: Any) -> Ranges:
        """The ranges of what the driver read."""
        return as_ranges(value)

    def get_prep_value(self, value: Any) -> str:
        """Postgres' notation of the ranges."""
        return f"{{{','.join(f'[{first},{last}]' for first, last in value)}}}"

    def get_placeholder(self, *args: Any) -> str:
        return "%s::int8multirange"


def as_ranges(multirange: Any) -> Ranges:
    """The ranges of the driver's ``Multirange``."""
    return tuple((one.lower, one.upper - 1) for one in multirange)


def ranges_of(ids: Iterable[int]) -> Ranges:
    """The ranges of some ids."""
    found: list[tuple[int, int]] = []
    for one in sorted(ids):
        if found and one == found[-1][1] + 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return tuple(found)


def in_words(ranges: Ranges, most: int = 20) -> str:
    """``3–7, 9``, as a person writes it; no more than ``most`` of them."""
    words = [f"{first}" if first == last else f"{first}–{last}" for first, last in ranges[:most]]
    if len(ranges) > most:
        words.append(f"and {len(ranges) - most} more")
    return ", ".join(words)
