"""``manage.py acceptance``: make the documents of what is claimed, or check them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.acceptance import claims, documents, holding, results
from release.gates.registry import GATES


class Command(BaseCommand):
    help = (
        "Make the acceptance matrix, STATUS and the README's list of features from "
        "docs/acceptance.toml, unless something speaks against a claim."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if anything would change."
        )
        parser.add_argument(
            "--junit", type=Path, metavar="FILE", help="Hold the claims to this run of the tests."
        )

    def handle(self, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        try:
            found = claims.read(base)
            ran = results.read(options["junit"]) if options["junit"] else None
            made = documents.documents(found, base)
        except ValueError as error:
            raise CommandError(str(error)) from None
        names = {gate.name for gate in GATES}
        if problems := holding.against_all(found, base, gates=names, results=ran):
            raise CommandError("\n".join(problems))
        for path, text in made.items():
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            if options["check"]:
                raise CommandError(f"{path.name} isn't what is claimed: run manage.py acceptance")
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"{path.name} is written.")
        tests = " and their tests passed" if ran else ""
        self.stdout.write(f"{len(found.claims)} claims are borne out{tests}.")
