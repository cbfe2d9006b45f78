"""What the gates of one run share: how they start programs, and a database to throw away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from release.backup.database import BackupError, Database
from release.backup.scratch import scratch_database
from release.gates.gate import Failed

BASE_DIR: Path = settings.BASE_DIR
PYTHON = sys.executable
BIN = Path(PYTHON).parent
# Long enough for the slowest machine, so that a gate that hangs is told from one that works.
MINUTES = 10
ORDERS = 100  # of the demo that gates look at: each kind of thing is in it
# What manage.py and `.env` put there; a gate judges the tree, and not how this clone is set up.
OF_THIS_CLONE = {"COUNTINGHOUSE_EMBEDDED", "DJANGO_SETTINGS_MODULE"}
VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", re.MULTILINE)


def environment() -> dict[str, str]:
    """This process's environment without what this clone adds to it."""
    found = {name: value for name, value in os.environ.items() if name not in OF_THIS_CLONE}
    if "COUNTINGHOUSE_EMBEDDED" in os.environ:
        found.pop("DATABASE_URL", None)
    dotenv = BASE_DIR / ".env"
    if dotenv.is_file():
        for name, value in VARIABLE.findall(dotenv.read_text(encoding="utf-8")):
            if found.get(name) == value.strip("'\""):
                del found[name]
    return found | {"PYTHONWARNINGS": "ignore"}


@dataclass
class Context:
    """One run. ``strict`` gives what needs a network the time that it may need."""

    base: Path = BASE_DIR
    strict: bool = False
    # The results of the tests, once this run has them, or those that were given.
    junit: Path | None = None
    _ending: ExitStack = field(default_factory=ExitStack, repr=False)

    @cached_property
    def folder(self) -> Path:
        """A folder for what a gate writes, gone with the run."""
        return Path(self._ending.enter_context(TemporaryDirectory(prefix="gates-")))

    @property
    def kept(self) -> Path:
        """A folder for what may be looked at after the run."""
        folder = self.base / ".local" / "gates"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def database(self) -> str:
        """The URL of a database of this run alone, migrated from nothing.

        Raises:
            Failed: it can't be made, or a migration fails.
        """
        with ExitStack() as made:
            try:
                scratch = made.enter_context(scratch_database(Database.current(), "gates"))
            except BackupError as error:
                raise Failed(str(error)) from None
            url = scratch.url_like(settings.DATABASE_URL)
            self.manage("migrate", "--no-input", "--verbosity", "0", DATABASE_URL=url)
            self._ending.enter_context(made.pop_all())
        return url

    @cached_property
    def demo(self) -> str:
        """The URL of that database, with a small demo's past in it.

        Raises:
            Failed: it can't be made.
        """
        url = self.database
        folder = str(self.folder)  # for the stand-in's file: this clone may have a demo of its own
        seed = ("seed_demo", "--orders", str(ORDERS))
        self.manage(*seed, DATABASE_URL=url, COUNTINGHOUSE_DATA_DIR=folder)
        return url

    def run(
        self, *command: str, minutes: float = MINUTES, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a program in the tree, with ``env`` as its whole environment if given.

        Returns what it printed.

        Raises:
            Failed: it exits with anything but 0, or not in ``minutes``.
        """
        try:
            done = subprocess.run(
                command,
                cwd=self.base,
                env=environment() if env is None else env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=minutes * 60,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode("utf-8", "replace") if error.stdout else ""
            raise Failed(f"{said}\nnot done after {minutes:g} minutes") from None
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from None
        if done.returncode:
            raise Failed(done.stdout.strip() or f"{command[0]} exits with {done.returncode}")
        return done.stdout

    def manage(self, *arguments: str, minutes: float = MINUTES, **variables: str) -> str:
        """Run ``manage.py`` so, with ``variables`` added: against the database that they name, else
        this clone's own."""
        env = environment() | variables
        return self.run(PYTHON, "manage.py", *arguments, minutes=minutes, env=env)

    def close(self) -> None:
        """Drop what this run has made."""
        self._ending.close()


@contextmanager
def context(*, strict: bool = False, junit: Path | None = None) -> Iterator[Context]:
    """The context of one run."""
    made = Context(strict=strict, junit=junit)
    try:
        yield made
    finally:
        made.close()


def bare(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment of nothing but what a program needs to start, and ``variables``."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(variables)
