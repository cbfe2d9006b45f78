"""``manage.py gates``: run what must hold before anyone may rely on this tree."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.gates import report
from release.gates.context import context
from release.gates.gate import Gate, Group, Milestone, Result, State
from release.gates.registry import UnknownGate, select
from release.gates.running import exit_code, run
from release.tree import commit_of


class Command(BaseCommand):
    help = (
        "Run the gates. Exits 0 when nothing stands against the tree, 1 when a gate failed, 2 when "
        "one could not be run that must be."
    )
    requires_system_checks: list[str] = []  # that is a gate
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="Only these.")
        parser.add_argument(
            "--group",
            nargs="+",
            choices=[group.value for group in Group],
            default=[],
            help="Only those of these groups.",
        )
        parser.add_argument(
            "--milestone", metavar="m1…m4", help="Only those of the milestones up to this one."
        )
        parser.add_argument("--list", action="store_true", help="List the gates and exit.")
        parser.add_argument(
            "--strict", action="store_true", help="Let no gate be not run, whatever is missing."
        )
        parser.add_argument("--format", choices=["text", "json", "github"], default="text")
        parser.add_argument("--junit", type=Path, metavar="FILE", help="Write JUnit's XML too.")
        parser.add_argument(
            "--tests",
            type=Path,
            metavar="FILE",
            help="JUnit's XML of a run of the tests, to hold the claims to, where this is none.",
        )

    def handle(self, **options: Any) -> None:
        gates = self.chosen(options)
        if options["list"]:
            self.stdout.write("\n".join(report.listed(gates)))
            return
        self.form = options["format"]
        self.width = max((len(gate.name) for gate in gates), default=0)
        results = []
        with context(strict=options["strict"], junit=options["tests"]) as shared:
            for result in run(gates, shared, self.begin):
                results.append(result)
                self.tell(result)
        if self.form == "json":
            self.stdout.write(report.as_json(results))
        else:
            self.stdout.write(report.summary(results))
        if options["junit"]:
            text = report.as_junit(results, commit_of(settings.BASE_DIR))
            options["junit"].write_text(text, encoding="utf-8")
        if code := exit_code(results):
            sys.exit(code)

    def chosen(self, options: dict[str, Any]) -> list[Gate]:
        try:
            return select(
                options["only"],
                groups=map(Group, options["group"]),
                milestone=Milestone.named(options["milestone"]) if options["milestone"] else None,
            )
        except (UnknownGate, ValueError) as error:
            raise CommandError(str(error), returncode=2) from None

    def begin(self, gate: Gate) -> None:
        """Show a person at a terminal what is under way; the result is written over it."""
        if self.form == "text" and self.stdout.isatty():
            self.stdout.write(f"{gate.name:<{self.width}} …\r", ending="")
            self.stdout.flush()

    def tell(self, result: Result) -> None:
        if self.form == "github":
            self.stdout.write("\n".join(report.for_github(result)))
        elif self.form == "text":
            self.stdout.write(report.line(result, self.width))
            if result.state is State.FAIL:
                self.stdout.write(result.words)
        self.stdout.flush()
