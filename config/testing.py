"""``manage.py test`` runs the same pytest suite as ``make test``."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent


def path_of(label: str) -> str:
    """What pytest calls one of Django's labels: an app, a dotted module, or a path as it is."""
    if "/" in label:
        return label
    path = label.replace(".", "/")
    return path if (BASE_DIR / path).is_dir() else f"{path}.py"


class PytestRunner:
    """Django's test runner interface over pytest."""

    def __init__(self, verbosity: int = 1, failfast: bool = False, **options: Any) -> None:
        self.verbosity = verbosity
        self.failfast = failfast
        self.keepdb = options.get("keepdb", False)

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("-k", "--keepdb", action="store_true", help="Keep the test database.")

    def run_tests(self, test_labels: list[str], **kwargs: Any) -> int:
        """Run the suite over the given apps or paths; return pytest's exit code (0: all passed)."""
        import pytest

        arguments = [path_of(label) for label in test_labels]
        if self.verbosity > 1:
            arguments.append("-" + "v" * (self.verbosity - 1))
        if self.failfast:
            arguments.append("--exitfirst")
        if self.keepdb:
            arguments.append("--reuse-db")
        return int(pytest.main(arguments))
