"""Write the schema contract of the exports and its document, or check that they are right."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analyticsapp.exports import contract, document


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if it would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        self.keep(contract.PATH, contract.text(), check)
        contract.written.cache_clear()
        self.keep(document.PATH, document.document(), check)
        self.stdout.write(f"Version {contract.schema_version()} of the schema.")

    def keep(self, path: Path, text: str, check: bool) -> None:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        if check:
            raise CommandError(
                f"{path.name} isn't what the exports say: run manage.py export_schema"
            )
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path.name} is written.")
