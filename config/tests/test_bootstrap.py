"""What is missing for `make` is said in one clear line."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what bootstrapping needs, and a lock that holds nothing."""
    return make_clone(tmp_path / "clone")


def make_clone(folder: Path) -> Path:
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(BASE_DIR / "scripts" / "bootstrap.py", folder / "scripts")
    shutil.copy(BASE_DIR / "Makefile", folder)
    (folder / "empty.txt").write_text("# nothing\n")
    return folder


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def bootstrap(clone: Path, *locks: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/bootstrap.py", *locks],
        cwd=clone,
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that it said, when it refused."""
    assert result.returncode == 1, result.stdout + result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def test_make_alone_lists_its_targets() -> None:
    output = subprocess.check_output(["make"], cwd=BASE_DIR, text=True)
    listed = [line.split()[1] for line in output.splitlines() if line.startswith("make ")]
    assert {"setup", "demo", "test", "check", "fmt", "lock", "bench"} <= set(listed)


def test_a_wrong_python_is_named_with_what_is_needed(clone: Path) -> None:
    old = executable(clone / "old" / "python3.9", "echo 3.9")
    line = refusal(bootstrap(clone, PYTHON=str(old)))
    assert f"PYTHON={old} is Python 3.9; Countinghouse needs Python 3.11, 3.12 or 3.13." in line


def test_a_python_that_cannot_run_is_named(clone: Path) -> None:
    line = refusal(bootstrap(clone, PYTHON=str(clone / "missing")))
    assert f"PYTHON={clone}/missing can't be run" in line


def test_a_python_without_venv_says_which_package_brings_it(clone: Path) -> None:
    script = 'case "$2" in *version_info*) echo 3.12;; *ensurepip*) exit 1;; esac'
    stripped = executable(clone / "bare" / "python3.12", script)
    assert "apt install python3.12-venv" in refusal(bootstrap(clone, PYTHON=str(stripped)))


def test_a_path_with_a_space_is_refused(tmp_path: Path) -> None:
    spaced = make_clone(tmp_path / "with space")
    assert "path with a space" in refusal(bootstrap(spaced))
    assert "path with '$'" in refusal(bootstrap(make_clone(tmp_path / "with$dollar")))


def test_a_folder_that_is_not_ones_own_is_refused(clone: Path) -> None:
    (clone / ".local").write_text("no folder, which stops root too\n")
    line = refusal(bootstrap(clone))
    assert f"can't: File exists ({clone}/.local). Work in a clone that is yours." in line


def test_the_environment_is_made_once_and_the_lock_installed_once(clone: Path) -> None:
    first = bootstrap(clone, "empty.txt")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[1].startswith("Installing empty.txt")
    assert (clone / ".venv" / "bin" / "python").exists()
    second = bootstrap(clone, "empty.txt")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    (clone / "empty.txt").write_text("# changed\n")
    assert bootstrap(clone, "empty.txt").stdout.startswith("Installing empty.txt")

    # No index: pip is told to look at a port where nobody listens.
    (clone / "needs.txt").write_text(f"countinghouse-of-nowhere==1 --hash=sha256:{'0' * 64}\n")
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    line = refusal(bootstrap(clone, "needs.txt", **nowhere))
    assert "The package index can't be reached" in line
    # A failed installation leaves no stamp that would say otherwise.
    assert not (clone / ".venv" / "installed.json").exists()


def make_with(clone: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """``make lock`` where the path has a shell and ``programs``, and nothing else."""
    for name, program in {"sh": shutil.which("sh") or "", **programs}.items():
        link = clone / "bin" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(program)
    return subprocess.run(
        [shutil.which("make") or "make", "--dry-run", "lock"],
        cwd=clone,
        env={"PATH": str(clone / "bin")},
        capture_output=True,
        text=True,
    )


def test_no_python_at_all_is_said_by_make(clone: Path) -> None:
    result = make_with(clone)
    assert result.returncode != 0
    assert "There is no Python 3 here" in result.stderr


@pytest.mark.parametrize("name", ["python3", "python3.12", "python"])
def test_any_name_of_python_will_do(clone: Path, name: str) -> None:
    # As on Debian, where there is no ``python``.
    result = make_with(clone, **{name: sys.executable})
    assert result.returncode == 0, result.stdout + result.stderr
    assert f" {name} scripts/bootstrap.py" in result.stdout
