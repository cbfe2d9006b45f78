"""A package while it is made: captures of what programs print, and pictures."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from release.proof.index import INDEX, Entry, text
from release.tree import commit_of, digest_of

Say = Callable[[str], None]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Package:
    """Files in ``folder``, each with its entry, of the tree at ``base``."""

    def __init__(self, folder: Path, base: Path, say: Say = lambda text: None) -> None:
        self.folder = folder
        self.base = base
        self.say = say
        self.commit = commit_of(base)
        self.tree = digest_of(base)
        self.entries: list[Entry] = []
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)

    def capture(
        self,
        name: str,
        *command: str,
        env: Mapping[str, str],
        shown: str = "",
        lines: int | None = None,
    ) -> int:
        """Run a program in the tree and keep what it prints, under its command, exit code, time and
        commit; return the exit code. ``shown`` stands for the command, ``lines`` is how many."""
        shown = shown or shlex.join(command)
        at, began = now(), time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.base,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        seconds = time.monotonic() - began
        said = done.stdout.decode("utf-8", "replace").replace("\0", "")
        if lines is not None:
            kept = said.splitlines()
            said = "\n".join([*kept[:lines], *(["[…]"] if len(kept) > lines else [])])
        head = (
            f"$ {shown}\n# exit code {done.returncode}, {seconds:.1f} s, {at}, commit {self.commit}"
        )
        self.write(name, f"{head}\n\n{said.strip()}\n", shown, done.returncode, at)
        return done.returncode

    def write(self, name: str, words: str, command: str, exit_code: int | None, at: str) -> None:
        """Keep a text."""
        (self.folder / name).write_text(words, encoding="utf-8")
        self.add(name, command=f"`{command}`", exit_code=exit_code, at=at)

    def add(self, name: str, *, command: str, exit_code: int | None = None, at: str = "") -> None:
        """Enter a file that is there now."""
        entry = Entry.of(self.folder / name, command=command, exit_code=exit_code, at=at or now())
        self.entries.append(entry)
        code = "" if exit_code is None else f", exit code {exit_code}"
        self.say(f"{name}: {entry.size:,} bytes{code}")

    def take_over(self, path: Path, command: str) -> None:
        """Enter a copy of a file that was made by something else."""
        shutil.copyfile(path, self.folder / path.name)
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.add(path.name, command=f"`{command}`", at=at)

    def close(self) -> None:
        """Write the index."""
        words = text(self.entries, tree=self.tree, commit=self.commit, at=now())
        (self.folder / INDEX).write_text(words, encoding="utf-8")
