"""Documents that are made from the code, by a command that can also tell whether they are right."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class MakesDocuments(BaseCommand):
    """Writes its documents where they differ; with ``--check`` it writes nothing, and one that
    differs is an error."""

    source: str  # what they say: "the registry says"

    def documents(self, **options: Any) -> Iterable[tuple[Path, str]]:
        """The files and what should stand in them; each is written before the next is made.

        Raises:
            ValueError: one can't be made; the message is shown.
        """
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if anything would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        try:
            for path, text in self.documents(**options):
                self.keep(path, text, check=check)
        except ValueError as error:
            raise CommandError(str(error)) from None

    def keep(self, path: Path, text: str, *, check: bool) -> None:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            self.stdout.write(f"{path.name} is what {self.source}.")
            return
        if check:
            name = self.__module__.rpartition(".")[2]
            raise CommandError(f"{path.name} isn't what {self.source}: run manage.py {name}")
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path.name} is written.")
