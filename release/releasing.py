"""What must be so before a version is tagged, apart from the gates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from release.acceptance.claims import Claim, Status
from release.gates.gate import Milestone, Result, State
from release.tree import git

NAME = re.compile(r"^v(?P<number>\d+\.\d+(?:\.\d+)?)(?:-m(?P<milestone>[1-4])-[a-z-]+)?$")
BULLET = re.compile(r"^- ", re.MULTILINE)


class NotReady(RuntimeError):
    """It can't be released; the message says why, a line for each reason."""


@dataclass(frozen=True)
class Version:
    """A version by the name of its tag: ``v0.2-m2-ops-control``, or ``v1.0.3`` after the last."""

    tag: str
    number: str
    milestone: Milestone

    @classmethod
    def parse(cls, tag: str) -> Version:
        """The version of that name.

        Raises:
            NotReady: it isn't one.
        """
        found = NAME.match(tag)
        if not found:
            raise NotReady(f"{tag} is no version; one is like v0.2-m2-ops-control or v1.0.1")
        milestone = Milestone(int(found["milestone"])) if found["milestone"] else Milestone.M4
        return cls(tag, found["number"], milestone)

    @property
    def names(self) -> set[str]:
        """How it may be called: by its tag, by its number, and with a zero for the patch."""
        padded = self.number if self.number.count(".") == 2 else f"{self.number}.0"
        return {self.tag, self.number, padded}


def notes(changelog: str, version: Version) -> str:
    """The changelog's section of a version.

    Raises:
        NotReady: there is none, it says nothing, or something is still *Unreleased*.
    """
    sections = {}
    for part in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        sections[re.split(r"[\s,]", heading.strip().strip("[]"))[0]] = text.strip()
    found = next((sections[name] for name in version.names if name in sections), "")
    if not BULLET.search(found):
        raise NotReady(f"CHANGELOG.md says nothing of {version.number}")
    if BULLET.search(sections.get("Unreleased", "")):
        raise NotReady("CHANGELOG.md has lines under Unreleased: they belong to this version")
    return found


def against_tree(base: Path, version: Version) -> list[str]:
    """What speaks against tagging the commit that is checked out."""
    problems = []
    if git(base, "tag", "--list", version.tag):
        problems.append(f"{version.tag} is there already; a tag is never moved")
    if changed := git(base, "status", "--porcelain"):
        problems.append(f"not everything is committed:\n{changed}")
    project = tomllib.loads((base / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if project["version"] not in version.names:
        problems.append(f"pyproject.toml says {project['version']}")
    try:
        notes((base / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except NotReady as error:
        problems.append(str(error))
    return problems


def against_claims(
    claims: Iterable[Claim], version: Version, despite: Collection[str]
) -> list[str]:
    """The claims up to this milestone that aren't met, but for those that are let through."""
    return [
        f"{claim.id} is {claim.status}: {claim.missing}"
        for claim in claims
        if Milestone[claim.milestone] <= version.milestone
        and claim.status is not Status.MET
        and claim.id not in despite
    ]


def against_gates(
    ended: Iterable[Result], passed_in_ci: Collection[str], despite: Collection[str]
) -> list[str]:
    """The gates that failed, and those that were run neither here nor in CI."""
    return [
        f"gate {result.gate.name}: {result.state}, {result.first_line}"
        for result in ended
        if result.state is not State.PASS
        and not (result.state is State.NOT_RUN and result.gate.name in passed_in_ci)
        and result.gate.name not in despite
    ]


def passed_in(files: Iterable[Path], commit: str) -> set[str]:
    """The gates that passed in runs elsewhere, by the JUnit files that they left.

    Raises:
        NotReady: one can't be read, or is of another commit.
    """
    passed: set[str] = set()
    return passed.union(*(passed_in_one(file, commit) for file in files))


def passed_in_one(junit: Path, commit: str) -> set[str]:
    """The gates that passed in one of them."""
    try:
        root = ElementTree.parse(junit).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise NotReady(f"{junit}: {error}") from None
    of = {each.get("value") for each in root.iter("property") if each.get("name") == "commit"}
    if of != {commit}:
        raise NotReady(f"{junit} is of {', '.join(map(str, of)) or 'no commit'}, not of {commit}")
    bad = {"failure", "error", "skipped"}
    return {
        str(case.get("name"))
        for case in root.iter("testcase")
        if not bad & {child.tag for child in case}
    }


def message(version: Version, text: str, ended: Iterable[Result], despite: Collection[str]) -> str:
    """The tag's message: what is new, what passed, and what was let through."""
    states = [f"{result.gate.name}: {result.state}" for result in ended]
    lines = [f"Countinghouse {version.tag}", "", text, "", "Gates", "", *states]
    if despite:
        lines += ["", f"Released despite: {', '.join(sorted(despite))}"]
    return "\n".join(lines)
