"""What may stand in the audit log: each action, and the fields that its rows may carry.

Each app registers its own in a module ``audited``, which is found by itself. Whatever isn't
registered is refused, so that no secret and no needless personal data gets into a log that nobody
can change again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any


@dataclass(frozen=True)
class Action:
    """Something that is done: its name, what it means, and the paths that its values may have."""

    name: str
    meaning: str
    fields: frozenset[str]

    def refused(self, values: Mapping[str, Any]) -> set[str]:
        """The paths among ``values`` that aren't registered."""
        return {path for path in paths(values) if not self.may_carry(path)}

    def may_carry(self, path: str) -> bool:
        """Whether the path is registered, or all is that one above it holds."""
        above = accumulate(path.split("."), "{}.{}".format)
        return path in self.fields or any(f"{one}.*" in self.fields for one in above)


class NotRegistered(LookupError):
    """The audit log knows no such action, or the action may not carry such a field."""


_actions: dict[str, Action] = {}


def register(name: str, meaning: str, *fields: str) -> str:
    """Register an action with the fields that its rows may carry, before or after; its name.

    A field within another is named by its path, as ``lines.quantity``; ``lines`` is allowed by
    that. Where the keys within are data, as ids are, ``taken.*`` allows them all.

    Raises:
        ValueError: the name is taken by another action, or too long.
    """
    within = {field.rpartition(".")[0] for field in fields} - {""}
    action = Action(name, meaning, frozenset({*fields, *within}))
    if _actions.setdefault(name, action) != action or not 0 < len(name) <= 64:
        raise ValueError(f"{name!r} can't be the name of another action")
    return name


def register_export(subject: str, meaning: str, *about: str) -> str:
    """Register that something is exported, with what it is ``about``: that it began, and what came
    of it, whole or by files; the name of the latter."""
    register(f"{subject}.export_started", f"{meaning.removesuffix('.')}: it began.", *about)
    account = ("rows", "bytes", "sha256")
    files = (f"files.{part}" for part in ("file", *account, "whole"))
    return register(f"{subject}.exported", meaning, *about, "outcome", *account, *files)


def all_actions() -> list[Action]:
    """Every registered action, by name."""
    return [_actions[name] for name in sorted(_actions)]


def meaning_of(name: str) -> str:
    """What the action means; empty where it is not registered (any more)."""
    return _actions[name].meaning if name in _actions else ""


def check(name: str, *values: Mapping[str, Any]) -> None:
    """Whether rows of that action may carry ``values``.

    Raises:
        NotRegistered: they may not; the message says what to do.
    """
    action = _actions.get(name)
    if action is None:
        raise NotRegistered(f"the action {name!r} isn't registered in a module `audited`")
    if refused := sorted(set().union(*(action.refused(one) for one in values))):
        raise NotRegistered(f"the action {name!r} isn't registered to carry {', '.join(refused)}")


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The path of every key in it, however deep; those of a list's entries as one's."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            path = f"{above}.{key}" if above else str(key)
            yield path
            yield from paths(inner, path)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from paths(inner, above)


BACKUP_SUCCEEDED = register(
    "backup.succeeded",
    "A backup was written whole and can be read. A check misses it when it is too long ago.",
    "file",
    "bytes",
    "sha256",
    "tables",
    "rows",
    "seconds",
    "deleted",
)
BACKUP_FAILED = register("backup.failed", "A backup could not be written.", "file")
RESTORE_DRILL_SUCCEEDED, RESTORE_DRILL_FAILED = (
    register(
        f"restore_drill.{outcome}",
        "A backup was restored into a database of its own and held against what was counted when "
        f"it was taken{what}.",
        "file",
        "rows",
        "seconds.*",
    )
    for outcome, what in (("succeeded", ""), ("failed", "; the reason says what didn't agree"))
)
BACKUP_RESTORED = register(
    "backup.restored", "This database was restored from a backup.", "file", "rows"
)
AUDIT_VERIFIED = register(
    "audit.verified",
    "The whole audit log was verified; with its head then, and what was wrong.",
    *(f"{head}.{part}" for head in ("head", "against") for part in ("number", "last_id", "digest")),
    "seals",
    "rows",
    "fault_count",
    *(f"faults.{part}" for part in ("kind", "text", "seal", "ids")),
)
