"""What came of each line of the acceptance list, by the gates and the tests of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from release.acceptance.claims import Claim, Status
from release.acceptance.holding import against
from release.acceptance.results import NOT_RUN, SKIPPED, Results
from release.gates.gate import Result, State


@dataclass(frozen=True)
class Line:
    """A claim, the command that shows it, and how that ended."""

    claim: Claim
    command: str
    state: State
    words: str


def verify(
    claims: Iterable[Claim], ended: Iterable[Result], base: Path, results: Results | None
) -> list[Line]:
    """Each claim's line. What isn't met fails; without results of tests, theirs aren't run."""
    by_name = {result.gate.name: result for result in ended}
    return [line_of(claim, by_name, base, results) for claim in claims]


def line_of(claim: Claim, ended: Mapping[str, Result], base: Path, results: Results | None) -> Line:
    """One claim's line: it fails by one thing against it, and passes only when all has been run."""
    gates = [ended[name] for name in claim.gates if name in ended]
    found = list(against(claim, base, gates=claim.gates, results=results))
    absent = [each for each in found if each.endswith((NOT_RUN, SKIPPED))]
    faults = [each for each in found if each not in absent]
    if claim.status is not Status.MET:
        faults.insert(0, f"{claim.status}: {claim.missing}")
    faults += [f"gate {each.gate.name} failed" for each in gates if each.state is State.FAIL]
    absent += [
        f"gate {each.gate.name}: {each.first_line}" for each in gates if each.state is State.NOT_RUN
    ]
    absent += [f"gate {name}" for name in claim.gates if name not in ended]
    if claim.tests and results is None:
        absent.append("the tests")
    state = State.FAIL if faults else State.NOT_RUN if absent else State.PASS
    return Line(claim, command(claim), state, "; ".join(faults or absent))


def command(claim: Claim) -> str:
    """What to type to see this line alone."""
    parts = []
    if claim.gates:
        parts.append(f"python manage.py gates --only {' '.join(claim.gates)}")
    if claim.tests:
        parts.append(f'make test ARGS="{" ".join(claim.tests)}"')
    return " && ".join(parts)
