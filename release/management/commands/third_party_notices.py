"""``manage.py third_party_notices``: write the licences of what is installed, or check them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.licences import document, packages, refused

FILE = "docs/third_party_notices.md"


class Command(BaseCommand):
    help = "Write docs/third_party_notices.md, unless a package's licence can't be taken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; exit 1 if it would change."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        found = packages(base)
        if bad := refused(found):
            raise CommandError("\n".join(bad))
        path = base / FILE
        text = document(found)
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                raise CommandError(
                    f"{path.name} isn't what the locks install: run manage.py third_party_notices"
                )
        else:
            path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(found)} packages, each under a licence that is taken.")
