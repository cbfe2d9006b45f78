"""Write the inventory of personal data, or check that it is what the code declares."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.inventory import document, path


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if it would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        file = path()
        text = file.read_text(encoding="utf-8")
        try:
            made = document(text)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if check:
            if text != made:
                raise CommandError(
                    f"{file.name} isn't what the code declares: run manage.py pii_inventory"
                )
            self.stdout.write(f"{file.name} says what the code declares.")
            return
        file.write_text(made, encoding="utf-8")
        self.stdout.write(f"The inventory in {file.name} is written.")
