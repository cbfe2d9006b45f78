"""The tests' database server, and ``manage.py test``, which runs the same suite as ``make test``.

pytest loads this module as a plugin (``-p config.testing``): a conftest is read after the settings.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from config import start

if TYPE_CHECKING:
    import pytest

BASE_DIR = Path(__file__).resolve().parent.parent
SERVER = "test-postgres"
RUNS_AT_ONCE = 20


@dataclass
class Turn:
    """A test run's share of the embedded server that all runs in one clone have in common.

    The locks end with the process, however it ends.
    """

    root: Path
    sharing: IO[str]
    number: IO[str]
    url: str

    @classmethod
    def take(cls, root: Path, name: str = SERVER) -> Turn:
        """Bring the server up, unless another run has, and find a database that no run uses."""
        root.mkdir(parents=True, exist_ok=True)
        sharing = (root / f"{name}.runs").open("a")
        fcntl.flock(sharing, fcntl.LOCK_SH)  # waits while another run is stopping the server
        server = start.start(name, root=root, settings=start.TEST_SERVER_CONFIG)
        for place in range(1, RUNS_AT_ONCE + 1):
            number = (root / f"{name}.run-{place}").open("a")
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                number.close()
                continue
            # The tests' databases are called after this one, which itself stays untouched.
            database = "postgres" if place == 1 else f"postgres_{place}"
            return cls(root, sharing, number, start.database_url(server, database))
        raise start.StartError(f"{RUNS_AT_ONCE} test runs are at work in this clone already.")

    def give_up(self, name: str = SERVER) -> bool:
        """Stop the server if no other run uses it; say whether it was stopped."""
        self.sharing.close()
        stopped = stop_unused(self.root, name)
        self.number.close()
        return stopped


def stop_unused(root: Path | None = None, name: str = SERVER) -> bool:
    """Stop the tests' server if no run uses it, as after a run that was killed; say whether."""
    root = root or start.data_root()
    if not (root / f"{name}.runs").exists():
        return False
    with (root / f"{name}.runs").open("a") as sharing:
        try:
            fcntl.flock(sharing, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # the last one out will do it
        return start.stop(name, root=root)


_turn: Turn | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Bring the tests' server up; pytest calls this as soon as it has loaded the plugin.

    The tests have a server of their own, so that they may run while the demo does. xdist's
    workers inherit the address from the process that starts them.
    """
    global _turn
    os.environ["COUNTINGHOUSE_ENV"] = "test"
    os.environ.setdefault("DATABASE_POOL_MAX", "0")
    if not os.environ.get("DATABASE_URL"):
        _turn = Turn.take(start.data_root())
        os.environ["DATABASE_URL"] = _turn.url


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last run that uses the tests' server takes it down."""
    global _turn
    if _turn is not None:
        _turn.give_up()
        _turn = None


def path_of(label: str) -> str:
    """What pytest calls one of Django's labels: an app, a dotted name, or a path as it is."""
    if "/" in label or label.endswith(".py"):
        return label
    parts = label.split(".")
    if (BASE_DIR / Path(*parts)).is_dir():
        return "/".join(parts)
    for length in range(len(parts), 0, -1):
        module = Path(*parts[:length]).with_suffix(".py")
        if (BASE_DIR / module).is_file():
            return "::".join([str(module), *parts[length:]])
    return label


class PytestRunner:
    """Django's test runner interface over pytest."""

    def __init__(self, verbosity: int = 1, failfast: bool = False, **options: Any) -> None:
        self.verbosity = verbosity
        self.failfast = failfast
        self.keepdb = options.get("keepdb", False)
        self.keyword = options.get("keyword")

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--failfast", action="store_true", help="Stop at the first failure.")
        parser.add_argument("--keepdb", action="store_true", help="Keep the test database.")
        parser.add_argument("-k", dest="keyword", help="Only tests whose names match, as pytest's.")

    def run_tests(self, test_labels: list[str], **kwargs: Any) -> int:
        """Run the suite over the given apps or paths; return pytest's exit code (0: all passed)."""
        arguments = [path_of(label) for label in test_labels]
        if self.verbosity > 1:
            arguments.append("-" + "v" * (self.verbosity - 1))
        if self.failfast:
            arguments.append("--exitfirst")
        if self.keepdb:
            arguments.append("--reuse-db")
        if self.keyword:
            arguments += ["-k", self.keyword]
        # In a process of its own: this one has read its settings, and with them the database's
        # address, before pytest could bring a server up.
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=BASE_DIR)
