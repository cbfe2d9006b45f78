"""One deliberate break of each kind turns its own gate red, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from auditlog.sealing import seal
from auditlog.tests.tampering import EVENTS, act, behind_its_back
from config.tests.processes import test_database_url as database_url
from release.gates.context import BASE_DIR, Context
from release.gates.gate import Failed, State
from release.gates.programs import check_deploy
from release.gates.registry import select
from release.gates.running import run
from release.proof.package import Package
from release.tests.clone import begin, in_git
from release.tests.test_proof import put, whole
from release.tree import PROOF

# Those that look at a tree alone, and at any one.
GATES = select(
    [
        *("secrets", "deliverable", "states", "rights", "kpis"),
        *("links", "commands", "licences", "acceptance", "proof"),
    ]
)
LEFT = shutil.ignore_patterns(
    *(".git", ".env", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis"),
    *("staticfiles", "backups", "dist", "*.log"),
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, set[str]]]:
    """A clone of this tree as it is now, with evidence, and the gates that don't pass there."""
    folder = tmp_path_factory.mktemp("clone") / "tree"
    shutil.copytree(BASE_DIR, folder, ignore=LEFT)
    shutil.rmtree(folder / PROOF, ignore_errors=True)
    begin(folder)
    in_git(folder, "tag", "begun")
    with override_settings(BASE_DIR=folder):
        whole(folder)
        yield folder, red(folder)


@pytest.fixture
def tree(clone: tuple[Path, set[str]]) -> Iterator[Path]:
    """That clone, for the gates to look at; what a test does to it is undone."""
    folder, _ = clone
    yield folder
    in_git(folder, "reset", "--quiet", "--hard", "begun")
    in_git(folder, "clean", "--quiet", "--force", "-d")


def red(tree: Path) -> set[str]:
    """The gates that don't pass."""
    return {
        result.gate.name
        for result in run(GATES, Context(base=tree))
        if result.state is not State.PASS
    }


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def break_it(tree: Path) -> None:
        text = (tree / name).read_text()
        assert old in text
        (tree / name).write_text(text.replace(old, new, 1))

    return break_it


def add(name: str, text: str, *, commit: bool = False) -> Callable[[Path], None]:
    def break_it(tree: Path) -> None:
        with (tree / name).open("a") as file:
            file.write(text)
        if commit:
            in_git(tree, "add", "--force", name)
            in_git(tree, "commit", "--quiet", "--message", "Oh")

    return break_it


SECRET = "STRIPE_API_KEY=" + "rk" + "_live_" + "51Habcdefghijkl"
BREAKS = {
    "a claim without its test": (
        edit("docs/acceptance.toml", "::test_every_check_has_an_anomaly", "::test_gone"),
        "acceptance",
    ),
    "a stale document": (add("docs/kpi_definitions.md", "More.\n"), "kpis"),
    "notices of other packages": (add("docs/third_party_notices.md", "More.\n"), "licences"),
    "a planted secret": (add("docs/bi.md", f"\n{SECRET}\n"), "secrets"),
    "an environment file": (add(".env", "DEBUG=1\n", commit=True), "deliverable"),
    "a link to nowhere": (add("docs/bi.md", "\n[gone](gone.md)\n"), "links"),
    "a command that is none": (add("docs/bi.md", "\n`manage.py run_cheques`\n"), "commands"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_turns_its_gate_red_and_no_other(
    tree: Path, clone: tuple[Path, set[str]], kind: str
) -> None:
    break_it, gate = BREAKS[kind]
    _, before = clone
    assert gate not in before
    break_it(tree)
    whole(tree)  # evidence of the broken tree: that it is broken isn't its fault
    assert red(tree) - before == {gate}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda package: put(package, b""),
        lambda package: put(package, "fine".encode("utf-16")),
    ],
    ids=["an empty proof", "a proof in UTF-16"],
)
def test_spoiled_evidence_turns_its_gate_red_and_no_other(
    tree: Path, clone: tuple[Path, set[str]], spoil: Callable[[Package], Any]
) -> None:
    _, before = clone
    assert "proof" not in before
    spoil(whole(tree))
    assert red(tree) - before == {"proof"}


def test_an_unsafe_setting_turns_the_deployment_check_red() -> None:
    with pytest.raises(Failed, match=r"security\.W008"):
        check_deploy(Context(), SECURE_SSL_REDIRECT="false")


@pytest.mark.django_db(transaction=True)
def test_an_altered_audit_row_turns_its_gate_red() -> None:
    [gate] = select(["verify_audit"])
    with transaction.atomic():
        rows = act(3)
    seal()
    context = Context()
    context.__dict__["demo"] = database_url()
    assert gate.run(context) == "sound"
    behind_its_back(f"UPDATE {EVENTS} SET reason = 'nothing' WHERE id = {rows[1]}")
    with pytest.raises(Failed, match="NOT SOUND: 1 fault"):
        gate.run(context)
