"""What is handed over comes from git alone, and holds nothing that belongs to one machine."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from release.deliverable import NEEDED, Unfit, make, unfit
from release.tests.clone import begin, in_git


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).write_text(name)
    (folder / ".env.example").write_text("#DEBUG=\n")
    begin(folder)
    (folder / ".env").write_text("SECRET_KEY=mine\n")  # isn't committed
    return folder


def test_only_what_is_committed_is_in_it_and_it_comes_out_the_same(tree: Path) -> None:
    out = tree.parent / "shop-1.0.tar.gz"
    digest = make(tree, out)
    with tarfile.open(out) as archive:
        names = {member.name for member in archive if member.isfile()}
    assert names == {f"shop-1.0/{name}" for name in {*NEEDED, ".env.example"}}
    (tree / "notes.txt").write_text("mine")
    assert make(tree, out) == digest


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (".env", "an environment file"),
        ("deploy/.env.production", "an environment file"),
        ("db.sqlite3", "a database"),
        ("backups/shop.dump.json", "a database"),
        (".venv/pyvenv.cfg", "a virtual environment"),
        (".idea/workspace.xml", "an IDE's folder"),
        ("shop/__pycache__/models.cpython-311.pyc", "a cache"),
        (".ruff_cache/x", "a cache"),
        (".local/demo-password", "what a run leaves"),
        ("server.key", "a key"),
    ],
)
def test_what_belongs_to_one_machine_is_refused(tree: Path, name: str, what: str) -> None:
    assert what in unfit({*NEEDED, name})[0]
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("")
    in_git(tree, "add", "--force", name)
    in_git(tree, "commit", "--quiet", "--message", "Oh")
    out = tree.parent / "shop.tar.gz"
    with pytest.raises(Unfit, match=what):
        make(tree, out)
    assert not out.exists()


def test_one_that_cannot_be_set_up_is_refused() -> None:
    assert unfit(NEEDED - {"Makefile"}) == ["Makefile isn't there"]
