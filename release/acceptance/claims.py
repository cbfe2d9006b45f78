"""The claims as ``docs/acceptance.toml`` has them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

FILE = "docs/acceptance.toml"
# Every line of the acceptance list. A claim may be added; none of these can be left out.
LINES = (
    *("R1", "R2", "G1"),
    *("M1.2", "M1.3", "M1.4", "M1.5", "M1.6", "M1.7"),
    *("M2.1", "M2.2", "M2.3", "M2.4", "M2.5"),
    *("M3.1", "M3.2", "M3.3"),
    *("M4.1", "M4.2", "M4.3", "M4.4"),
    *("A", "B", "C", "D", "E", "F", "P"),
)


class Status(StrEnum):
    MET = "met"
    PARTLY = "partly"
    NOT_YET = "not yet"


class BadClaims(ValueError):
    """The file can't be read as claims; the message says where."""


@dataclass(frozen=True)
class Claim:
    """One line of the acceptance list, and what bears it out.

    ``tests`` are pytest's ids, of a file or of one test in it; ``gates`` are names of gates;
    ``evidence`` are names in the evidence package. ``feature`` is the README's word for it, if it
    has one. ``missing`` says what is not there yet, unless the claim is met.
    """

    id: str
    milestone: str
    line: str
    claim: str
    status: Status
    code: tuple[str, ...]
    tests: tuple[str, ...]
    gates: tuple[str, ...]
    demo: str
    evidence: tuple[str, ...]
    missing: str
    feature: str


@dataclass(frozen=True)
class Exclusion:
    """What the product doesn't do, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Claims:
    claims: tuple[Claim, ...]
    out_of_scope: tuple[Exclusion, ...]


def read(base: Path) -> Claims:
    """The claims of the tree at ``base``.

    Raises:
        BadClaims: a claim lacks something, has something unknown, or comes twice.
    """
    try:
        found = tomllib.loads((base / FILE).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadClaims(f"{FILE}: {error}") from None
    claims = tuple(claim_of(each) for each in found.get("claim", []))
    ids = [claim.id for claim in claims]
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        raise BadClaims(f"{FILE}: {', '.join(twice)} comes twice")
    try:
        excluded = tuple(Exclusion(**each) for each in found.get("out_of_scope", []))
    except TypeError as error:
        raise BadClaims(f"{FILE}: out_of_scope: {error}") from None
    return Claims(claims, excluded)


def claim_of(given: dict[str, Any]) -> Claim:
    """One claim from its table."""
    where = f"{FILE}: {given.get('id', 'a claim without an id')}"
    optional: dict[str, Any] = {"gates": [], "evidence": [], "missing": "", "feature": ""}
    whole: dict[str, Any] = optional | given
    if unknown := set(whole) - set(Claim.__dataclass_fields__):
        raise BadClaims(f"{where} has {', '.join(sorted(unknown))}, which means nothing")
    if lacking := set(Claim.__dataclass_fields__) - set(whole):
        raise BadClaims(f"{where} lacks {', '.join(sorted(lacking))}")
    if whole["status"] not in list(Status):
        raise BadClaims(f"{where}: status is {whole['status']!r}")
    fields: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in whole.items()
    }
    return Claim(**fields | {"status": Status(whole["status"])})
