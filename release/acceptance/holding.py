"""Whether the claims hold: what they name is there, and its tests have passed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from release.acceptance.claims import LINES, Claim, Claims, Status
from release.acceptance.results import Results
from release.proof.contents import BY_NAME


def against_all(
    claims: Claims, base: Path, *, gates: Collection[str], results: Results | None = None
) -> list[str]:
    """What speaks against the claims of the tree at ``base``, in lines that begin with the claim.

    ``gates`` are the names of those there are. Without ``results`` a test need only be there.
    """
    there = {claim.id for claim in claims.claims}
    problems = [f"{line}: has no claim" for line in LINES if line not in there]
    for claim in claims.claims:
        problems += [
            f"{claim.id}: {problem}"
            for problem in against(claim, base, gates=gates, results=results)
        ]
    return problems


def against(
    claim: Claim, base: Path, *, gates: Collection[str], results: Results | None
) -> Iterator[str]:
    """What speaks against one claim. One that isn't met yet is held to what it names as well."""
    if claim.status is Status.MET:
        if claim.missing:
            yield "is met, and says what is missing"
        if not claim.tests and not claim.gates:
            yield "is met, and names neither a test nor a gate"
    elif not claim.missing:
        yield f"is {claim.status}, and doesn't say what is missing"
    for path in claim.code:
        if not (base / path).exists():
            yield f"its code {path} isn't there"
    for gate in claim.gates:
        if gate not in gates:
            yield f"its gate {gate} isn't there"
    for name in claim.evidence:
        if name not in BY_NAME:
            yield f"its evidence {name} isn't in the package"
    for test in claim.tests:
        if not is_there(test, base):
            yield f"its test {test} isn't there"
        elif results and (bad := results.against(test)):
            yield f"its test {test} {bad}"


def is_there(test: str, base: Path) -> bool:
    """Whether a test file exists, and in it the function, if one is named."""
    file, _, name = test.partition("::")
    path = base / file
    if not path.is_file():
        return False
    if not name:
        return True
    definition = re.compile(rf"^(?:async )?def {re.escape(name)}\(", re.MULTILINE)
    return bool(definition.search(path.read_text(encoding="utf-8")))
