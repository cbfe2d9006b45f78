"""A version is tagged on a commit that has earned it, and on no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from release import releasing
from release.acceptance.claims import Status
from release.gates import report
from release.gates.gate import Gate, Milestone, Result, State
from release.releasing import NotReady, Version
from release.tests.clone import begin, in_git
from release.tests.test_acceptance import GOOD

V2 = Version.parse("v0.2-m2-ops-control")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 0.2, 24 November 2026\n\n- It sells.\n"
    )
    begin(tmp_path)
    return tmp_path


def test_a_version_says_its_milestone() -> None:
    assert V2.milestone is Milestone.M2
    assert V2.names == {"v0.2-m2-ops-control", "0.2", "0.2.0"}
    assert Version.parse("v1.0.1").milestone is Milestone.M4
    with pytest.raises(NotReady, match="is no version"):
        Version.parse("0.2")


def test_what_is_committed_and_written_down_can_be_tagged_once(tree: Path) -> None:
    assert releasing.against_tree(tree, V2) == []
    in_git(tree, "tag", V2.tag)
    assert releasing.against_tree(tree, V2) == [f"{V2.tag} is there already; a tag is never moved"]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("notes.txt", "mine", "not everything is committed"),
        ("pyproject.toml", '[project]\nversion = "0.1.0"\n', "pyproject.toml says 0.1.0"),
        ("CHANGELOG.md", "## 0.1\n\n- Old.\n", "CHANGELOG.md says nothing of 0.2"),
        ("CHANGELOG.md", "## 0.2\n\nComing.\n", "CHANGELOG.md says nothing of 0.2"),
        ("CHANGELOG.md", "## Unreleased\n\n- More.\n\n## 0.2\n\n- It.\n", "under Unreleased"),
    ],
)
def test_what_is_not_ready_is_named(tree: Path, file: str, text: str, problem: str) -> None:
    (tree / file).write_text(text)
    if file != "notes.txt":
        in_git(tree, "commit", "--quiet", "--all", "--message", "Change")
    [found] = releasing.against_tree(tree, V2)
    assert problem in found


def test_claims_up_to_its_milestone_must_be_met() -> None:
    partly = {"status": Status.PARTLY, "missing": "the rest"}
    claims = [GOOD, replace(GOOD, id="M2.1", milestone="M2", **partly)]  # type: ignore[arg-type]
    claims += [replace(GOOD, id="M3.1", milestone="M3", **partly)]  # type: ignore[arg-type]
    assert releasing.against_claims(claims, V2, ()) == ["M2.1 is partly: the rest"]
    assert releasing.against_claims(claims, V2, {"M2.1"}) == []


def test_a_gate_that_could_not_be_run_here_must_have_passed_in_ci(tmp_path: Path) -> None:
    ended = [
        Result(Gate("lint", "", lambda context: ""), State.PASS, "", 0.1),
        Result(Gate("pip-audit", "", lambda context: ""), State.NOT_RUN, "nobody answers", 0.1),
    ]
    assert releasing.against_gates(ended, (), ()) == ["gate pip-audit: not run, nobody answers"]
    in_ci = [replace(ended[1], state=State.PASS, words="audited 3 of 3, 0 vulnerable")]
    junit, other = tmp_path / "gates.xml", tmp_path / "docker.xml"
    junit.write_text(report.as_junit(in_ci, "abc"))
    other.write_text(report.as_junit([ended[0]], "abc"))
    passed = releasing.passed_in([junit, other], "abc")
    assert passed == {"lint", "pip-audit"}
    assert releasing.against_gates(ended, passed, ()) == []
    assert releasing.against_gates([replace(ended[1], state=State.FAIL)], passed, ()) != []
    with pytest.raises(NotReady, match="is of abc, not of def"):
        releasing.passed_in([other, junit], "def")
    junit.write_text(report.as_junit(ended, "abc"))
    assert releasing.passed_in([junit], "abc") == {"lint"}


def test_what_was_let_through_stands_in_the_tag() -> None:
    said = releasing.message(V2, "- It sells.", [], {"R1"})
    assert said.endswith("Released despite: R1")
    assert "- It sells." in said
