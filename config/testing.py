"""``manage.py test`` runs the same pytest suite as ``make test``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any


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

        arguments = [label.replace(".", "/") for label in test_labels]
        if self.verbosity > 1:
            arguments.append("-" + "v" * (self.verbosity - 1))
        if self.failfast:
            arguments.append("--exitfirst")
        if self.keepdb:
            arguments.append("--reuse-db")
        return int(pytest.main(arguments))
