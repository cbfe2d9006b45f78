"""The evidence package is refused when a file isn't what its index says, or shows another tree."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from release.proof.contents import REQUIRED
from release.proof.index import INDEX, PNG, read, verify
from release.proof.making import run_ci, take_docker
from release.proof.package import Package
from release.tests.clone import begin, in_git
from release.tree import PROOF, digest_of


def whole(tree: Path) -> Package:
    """A package that is whole, of that tree."""
    made = Package(tree / PROOF, tree)
    for evidence in REQUIRED:
        if evidence.name.endswith(".png"):
            (made.folder / evidence.name).write_bytes(PNG + evidence.name.encode())
            made.add(evidence.name, command="Chromium, as operator, at /?a=1|2")
        else:
            made.write(evidence.name, f"{evidence.name}: Größe\n", "it", evidence.exit_code, "now")
    made.close()
    return made


@pytest.fixture
def package(tmp_path: Path) -> Package:
    (tmp_path / "README.md").write_text("# Shop\n")
    begin(tmp_path)
    return whole(tmp_path)


def problems(package: Package) -> list[str]:
    return verify(package.folder, digest_of(package.base))


def test_a_whole_package_holds_even_once_it_is_committed(package: Package) -> None:
    assert problems(package) == []
    in_git(package.base, "add", ".")
    in_git(package.base, "commit", "--quiet", "--message", "Evidence")
    assert problems(package) == []
    entries = read((package.folder / INDEX).read_text())
    assert list(entries) == [evidence.name for evidence in REQUIRED]
    assert entries["run_checks_failing.txt"].exit_code == 1


def altered(package: Package) -> None:
    with (package.folder / "ruff.txt").open("a") as file:
        file.write("All well.\n")


def missing(package: Package) -> None:
    (package.folder / "ruff.txt").unlink()


def put(package: Package, content: bytes) -> None:
    """As if the package had been made with that in ``ruff.txt``."""
    (package.folder / "ruff.txt").write_bytes(content)
    package.entries = [entry for entry in package.entries if entry.name != "ruff.txt"]
    package.add("ruff.txt", command="it", exit_code=0)
    package.close()


def left_out(package: Package) -> None:
    missing(package)
    package.entries = [entry for entry in package.entries if entry.name != "ruff.txt"]
    package.close()


def failed(package: Package) -> None:
    package.entries = [entry for entry in package.entries if entry.name != "ruff.txt"]
    package.add("ruff.txt", command="it", exit_code=2)
    package.close()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (altered, "ruff.txt was altered"),
        (missing, "ruff.txt is missing"),
        (left_out, "ruff.txt is missing"),
        (failed, "ruff.txt ended with exit code 2, not 0"),
        (lambda package: put(package, b"\n"), "ruff.txt is empty"),
        (lambda package: put(package, "fine".encode("utf-16")), "ruff.txt isn't UTF-8"),
        (lambda package: put(package, "fine".encode("utf-16-le")), "ruff.txt isn't UTF-8"),
        (lambda package: put(package, "fine".encode("utf-8-sig")), "ruff.txt isn't UTF-8"),
        (
            lambda package: put(package, (package.folder / "gates.txt").read_bytes()),
            "gates.txt, ruff.txt hold the same",
        ),
        (
            lambda package: (package.folder / "more.txt").write_text("more"),
            "more.txt isn't in the index",
        ),
        (
            lambda package: (package.base / "README.md").write_text("# Another shop\n"),
            "it was made from another tree",
        ),
        (lambda package: (package.base / "new.py").write_text(""), "it was made from another tree"),
    ],
)
def test_each_way_of_spoiling_it_is_named(
    package: Package, spoil: Callable[[Package], None], problem: str
) -> None:
    spoil(package)
    [found] = problems(package)
    assert found.startswith(problem)


def test_a_capture_says_what_was_run_when_of_what_and_how_it_ended(package: Package) -> None:
    script = (
        "import sys; sys.stdout.buffer.write('Größe\\0\\n'.encode() + b'\\xff\\n3'); sys.exit(3)"
    )
    code = package.capture("more.txt", sys.executable, "-c", script, env={}, shown="it", lines=2)
    assert code == 3
    said = (package.folder / "more.txt").read_text(encoding="utf-8").splitlines()
    assert said[0] == "$ it"
    assert said[1].startswith("# exit code 3, ")
    assert said[1].endswith(f"commit {package.commit}")
    assert said[2:] == ["", "Größe", "\ufffd", "[…]"]


def test_only_a_docker_run_on_this_tree_is_taken(package: Package, tmp_path: Path) -> None:
    folder = tmp_path / ".git" / "docker"  # where it alters no tree
    folder.mkdir()
    (folder / "docker_log.png").write_bytes(PNG)
    said: list[str] = []
    package.say = said.append
    for head, taken in (
        (f"commit {package.commit}\n", True),
        (f"commit {package.commit}, altered\n", False),
        (f"commit {'0' * 40}\n", False),
    ):
        (folder / "docker.txt").write_text(head)
        package.entries, said[:] = [], []
        take_docker(package, folder)
        assert [entry.name for entry in package.entries] == (
            ["docker.txt", "docker_log.png"] if taken else []
        )
        assert ("another tree" in "".join(said)) is not taken
    (package.base / "README.md").write_text("# Another shop\n")
    (folder / "docker.txt").write_text(f"commit {package.commit}\n")
    package.entries = []
    take_docker(package, folder)
    assert package.entries == []


def test_cis_run_is_kept_and_leaves_the_results_of_its_tests(package: Package) -> None:
    script = package.base / ".ci" / "run"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\necho "3 passed"\necho "<testsuite/>" > "${PYTEST_ADDOPTS#*=}"\n')
    script.chmod(0o755)
    tests = package.base / "tests.xml"
    run_ci(package, tests)
    said = (package.folder / "ci.txt").read_text()
    assert said.startswith("$ .ci/run\n# exit code 0, ")
    assert said.endswith("3 passed\n")
    assert tests.read_text() == "<testsuite/>\n"
