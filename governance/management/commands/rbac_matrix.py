"""Write the document of who may do what, or check that it is what the code declares."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.matrix import document, path


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if it would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        file = path()
        try:
            text = document()
        except ValueError as error:
            raise CommandError(str(error)) from None
        if check:
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                raise CommandError(
                    f"{file.name} isn't what the code declares: run manage.py rbac_matrix"
                )
            self.stdout.write(f"{file.name} says what the code declares.")
            return
        file.write_text(text, encoding="utf-8")
        self.stdout.write(f"{file.name} is written.")
