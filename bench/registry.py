"""What is measured: each capability with its target, our figure and the limit beside it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Figure:
    """The middle of several runs, and the least and the most of them."""

    median: float
    least: float
    most: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass
class Measured:
    """``ours`` and the ``limit``: what the least that any program must do takes, in the same run on
    the same machine. ``unit`` is s or ms, where less is better, or a rate such as events/s."""

    unit: str
    ours: Figure
    limit: Figure | None = None
    limit_is: str = ""
    met: bool | None = None  # whether the target is, as far as that can be told from one scale
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours to the limit, as the targets are said: times as long, or what part of the rate."""
        if self.limit is None or not self.limit.median:
            return None
        return self.ours.median / self.limit.median

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Capability:
    """Something that is measured at each scale, or, ``scaled`` being false, once by itself."""

    name: str
    what: str
    target: str
    measure: Callable[[], Measured]
    scaled: bool = True


MODULES = ("inbox", "pages", "figures", "checks", "files", "audit")
_capabilities: dict[str, Capability] = {}


def capability(
    name: str, what: str, target: str, *, scaled: bool = True
) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
    """Register the decorated function, which measures on the database of ``DATABASE_URL``."""

    def register(measure: Callable[[], Measured]) -> Callable[[], Measured]:
        assert name not in _capabilities, name
        _capabilities[name] = Capability(name, what, target, measure, scaled)
        return measure

    return register


def all_capabilities() -> dict[str, Capability]:
    """All of them by name, in the order of the table. Needs Django to be set up."""
    for module in MODULES:
        import_module(f"bench.capabilities.{module}")
    return _capabilities
