"""Write the made parts of the runbook, or check that they are what the code says."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.runbook import document, path


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if it would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        file = path()
        there = file.read_text(encoding="utf-8")
        try:
            text = document(there)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if check:
            if there != text:
                raise CommandError(
                    f"{file.name} isn't what the checks and the schedule say: run manage.py runbook"
                )
            self.stdout.write(f"{file.name} says what the checks and the schedule do.")
            return
        file.write_text(text, encoding="utf-8")
        self.stdout.write(f"{file.name} is written.")
