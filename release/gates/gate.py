"""What a gate is, and how it ends: pass, fail, or not run and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.gates.context import Context


class Milestone(IntEnum):
    """The milestones of the acceptance list; each holds those before it."""

    M1 = 1
    M2 = 2
    M3 = 3
    M4 = 4

    @classmethod
    def named(cls, name: str) -> Milestone:
        """``m1`` and the like.

        Raises:
            ValueError: there is no such milestone.
        """
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"{name!r} is none of m1, m2, m3, m4") from None


class Group(StrEnum):
    """Which gates are run together, from the quickest on."""

    CHECKS = "checks"
    TESTS = "tests"
    RELEASE = "release"


class State(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not run"


class Missing(StrEnum):
    """What a place may lack that a gate needs."""

    NETWORK = "network"
    DOCKER = "docker"
    HISTORY = "history"
    EVIDENCE = "evidence"


class Failed(Exception):
    """A gate found something; the message is all that a person needs to mend it."""


class NotRun(Exception):
    """A gate couldn't be run, which is no pass."""

    def __init__(self, missing: Missing, why: str) -> None:
        super().__init__(why)
        self.missing = missing


@dataclass(frozen=True)
class Gate:
    """One thing that must hold.

    ``run`` returns what it saw, in a line, or raises :class:`Failed` or :class:`NotRun`. Where what
    is named in ``may_lack`` isn't there, a run that isn't strict goes on without the gate.
    """

    name: str
    shows: str
    run: Callable[[Context], str]
    milestone: Milestone = Milestone.M1
    group: Group = Group.CHECKS
    may_lack: frozenset[Missing] = frozenset()


@dataclass(frozen=True)
class Result:
    """How a gate ended. ``tolerated``: it wasn't run, and needn't be where that was."""

    gate: Gate
    state: State
    words: str
    seconds: float
    tolerated: bool = False

    @property
    def first_line(self) -> str:
        return next((line.strip() for line in self.words.splitlines() if line.strip()), "")
