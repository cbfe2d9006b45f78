"""``manage.py run_checks``: find what is wrong, and fail a build or a cron job over it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import count
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from auditlog.context import acting_as, job
from monitoring import registry
from monitoring.models import Severity
from monitoring.report import as_json, as_junit, as_text, plural, report_on, table
from monitoring.services.runs import CheckResult, Watch, run_checks

CLEAN, ISSUES, COULD_NOT_RUN = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Run the checks and bring the issues up to date. Exits 0 when all is well, 1 when issues "
        "are open (with --fail-on-issues), 2 when a check could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fail-on-issues", action="store_true", help="Exit 1 when issues are open."
        )
        parser.add_argument(
            "--severity",
            choices=Severity.values,
            default=Severity.LOW.value,
            help="Count and list only issues at or above this severity.",
        )
        parser.add_argument(
            "--only", nargs="+", metavar="NAME", default=[], help="Run only these checks."
        )
        parser.add_argument("--list", action="store_true", help="List the checks and exit.")
        parser.add_argument("--format", choices=["text", "json", "junit"], default="text")

    def handle(self, **options: Any) -> None:
        try:
            checks = registry.select(options["only"])
        except registry.UnknownCheck as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from None
        if options["list"]:
            self.list(checks)
            return
        in_words = options["format"] == "text"
        watch = self.tell(checks) if in_words else self.show_progress(len(checks))
        with acting_as(job("run_checks")):
            run = run_checks(options["only"], watch=watch)
        report = report_on(run, at_least=options["severity"])
        code = CLEAN
        if run.crashed:
            code = COULD_NOT_RUN
        elif report.open and options["fail_on_issues"]:
            code = ISSUES
        if options["format"] == "json":
            self.stdout.write(as_json(report, code))
        elif options["format"] == "junit":
            self.stdout.write(as_junit(report))
        else:
            self.stdout.write("")
            for line in as_text(report):
                self.stdout.write(line)
            if run.crashed:
                self.stdout.write(f"{plural(run.crashed, 'check')} could not run.")
        if code:
            sys.exit(code)

    def tell(self, checks: Sequence[registry.Check]) -> Watch:
        """Write the head of a table, and return what writes its rows as the checks are done."""
        head, row = table(checks)
        self.stdout.write(head)

        def tell(result: CheckResult) -> None:
            if result.error:
                self.stdout.write(
                    f"  {result.check}  could not run: {result.error.splitlines()[0]}"
                )
            else:
                self.stdout.write(row.format(**vars(result)))
            self.stdout.flush()

        return tell

    def show_progress(self, of: int) -> Watch | None:
        """What tells a person at a terminal how far it is, where the output is for a program."""
        if not self.stderr.isatty():
            return None
        done = count(1)

        def show(result: CheckResult) -> None:
            number = next(done)
            # Over the line before; the last one leaves none.
            text = f"{number} of {of} checks done" if number < of else ""
            self.stderr.write(f"\r{text:<40}\r", ending="")
            self.stderr.flush()

        return show

    def list(self, checks: Sequence[registry.Check]) -> None:
        width = max((len(check.name) for check in checks), default=0)
        for check in checks:
            self.stdout.write(
                f"{check.name:<{width}}  {check.kind:<9}  {check.severity:<8}  {check.meaning}"
            )
