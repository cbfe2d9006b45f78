"""``manage.py verify``: each line of the acceptance list, its command, and what came of it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.acceptance import claims, results
from release.acceptance.verifying import verify
from release.gates import report
from release.gates.context import context
from release.gates.gate import Group, State
from release.gates.registry import GATES, select
from release.gates.running import exit_code, run


class Command(BaseCommand):
    help = (
        "Run all gates, then print each line of the acceptance list with the command that shows it "
        "and pass, fail or not run. Exits 0 when every line passed, 1 otherwise."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--tests",
            type=Path,
            metavar="FILE",
            help="JUnit's XML of a run of the tests, instead of running them here.",
        )

    def handle(self, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        given: Path | None = options["tests"]
        try:
            found = claims.read(base)
            ran = results.read(given) if given else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        groups = [group for group in Group if not (given and group is Group.TESTS)]
        gates = select(groups=groups)
        width = max(len(gate.name) for gate in GATES)
        ended = []
        with context(junit=given) as shared:
            for result in run(gates, shared):
                ended.append(result)
                self.stdout.write(report.line(result, width))
                self.stdout.flush()
            if ran is None and shared.junit and shared.junit.exists():
                ran = results.read(shared.junit)
        lines = verify(found.claims, ended, base, ran)
        self.stdout.write("")
        for line in lines:
            self.stdout.write(f"{line.claim.id:<5} {line.state:<8} {line.claim.line}")
            for words in filter(None, (line.words, line.command and f"$ {line.command}")):
                self.stdout.write(f"               {words}")
        passed = sum(line.state is State.PASS for line in lines)
        self.stdout.write(f"\n{passed} of {len(lines)} lines passed. {report.summary(ended)}")
        if passed < len(lines) or exit_code(ended):
            sys.exit(1)
