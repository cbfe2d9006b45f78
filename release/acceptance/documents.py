"""What is made from the claims: the matrix, STATUS, and the README's list of features."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from release.acceptance.claims import Claim, Claims, Status

MATRIX, STATUS, README = "docs/acceptance_matrix.md", "docs/STATUS.md", "README.md"
BEGIN, END = "<!-- features: made by manage.py acceptance -->", "<!-- features end -->"
FEATURES = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
MADE = """Made by `manage.py acceptance` from [acceptance.toml](acceptance.toml); don’t edit it here. A gate compares,
and fails on a claim whose code is gone or whose test is missing or didn’t pass."""  # noqa: E501
ABOUT = """What each line of the acceptance list claims, the code that does it, the tests and gates that hold it, where
the demo shows it, and its files in the evidence package. [STATUS.md](STATUS.md) is the short form;
`make verify` runs all of it and prints each line with its command and what came of it."""  # noqa: E501
MILESTONES = {
    "M1": "Audit-clean and runnable",
    "M2": "Operations control",
    "M3": "Revenue intelligence",
    "M4": "Buyer-grade packaging",
}


def documents(claims: Claims, base: Path) -> dict[Path, str]:
    """Each file that is made, with what must be in it.

    Raises:
        ValueError: the README has no place for its list.
    """
    return {
        base / MATRIX: matrix(claims),
        base / STATUS: status(claims),
        base / README: readme(claims, (base / README).read_text(encoding="utf-8")),
    }


def matrix(claims: Claims) -> str:
    """Claim → code → tests → demo step → evidence."""
    lines = [
        "# Acceptance matrix",
        "",
        MADE,
        "",
        ABOUT,
    ]
    for milestone, title in MILESTONES.items():
        lines += ["", f"## {milestone} {title}"]
        for claim in of(claims, milestone):
            lines += [
                "",
                f"### {claim.id} {claim.line}",
                "",
                f"*{claim.status}.* {claim.claim}",
                "",
            ]
            lines += facts(claim)
    return "\n".join([*lines, "", *out_of_scope(claims), ""])


def facts(claim: Claim) -> list[str]:
    """The list below a claim."""
    rows = [
        ("Missing", claim.missing),
        ("Code", ", ".join(link(path) for path in claim.code)),
        ("Tests", ", ".join(link_to_test(test) for test in claim.tests)),
        ("Gates", ", ".join(f"`{gate}`" for gate in claim.gates)),
        ("Demo", claim.demo),
        ("Evidence", ", ".join(f"`{name}`" for name in claim.evidence)),
    ]
    return [f"- {name}: {value}" for name, value in rows if value]


def status(claims: Claims) -> str:
    """How each claim stands, in a line."""
    counts = Counter(claim.status for claim in claims.claims)
    said = ", ".join(f"{counts[each]} {each}" for each in Status if counts[each])
    lines = ["# Status", "", MADE, ""]
    lines += [
        f"{len(claims.claims)} claims: {said}. [The matrix](acceptance_matrix.md) has the proofs."
    ]
    for milestone, title in MILESTONES.items():
        lines += [
            "",
            f"## {milestone} {title}",
            "",
            "| | claim | status | missing |",
            "| - | - | - | - |",
        ]
        lines += [
            f"| {claim.id} | {claim.line} | {claim.status} | {claim.missing} |"
            for claim in of(claims, milestone)
        ]
    return "\n".join([*lines, "", *out_of_scope(claims), ""])


def out_of_scope(claims: Claims) -> list[str]:
    lines = ["## Out of scope", ""]
    return lines + [f"- **{each.name}**: {each.reason}" for each in claims.out_of_scope]


def readme(claims: Claims, text: str) -> str:
    """The README with its list of what the product does: what is met, or partly."""
    if not FEATURES.search(text):
        raise ValueError(f"{README} has no place for the features: {BEGIN} and {END}")
    features = "".join(
        f"- {claim.feature}{reserve(claim)}\n"
        for claim in claims.claims
        if claim.feature and claim.status is not Status.NOT_YET
    )
    return FEATURES.sub(lambda found: features, text)


def reserve(claim: Claim) -> str:
    """What a feature's line must add."""
    return "" if claim.status is Status.MET else f" ({claim.status}; missing: {claim.missing})"


def of(claims: Claims, milestone: str) -> Iterable[Claim]:
    return (claim for claim in claims.claims if claim.milestone == milestone)


def link(path: str) -> str:
    """A link to a file of the tree, from a document in ``docs``."""
    return f"[{path}]({path.removeprefix('docs/') if path.startswith('docs/') else f'../{path}'})"


def link_to_test(test: str) -> str:
    """A link to a test's file, with the test's name."""
    file, _, name = test.partition("::")
    return f"[{name or file}](../{file})"
