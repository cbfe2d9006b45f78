"""``manage.py upgrade_fixture``: keep a small database of a version, for the test of upgrades."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from release.backup.database import BackupError
from release.upgrade.fixture import FOLDER, ORDERS, NotMade, make


class Command(BaseCommand):
    help = (
        "Seed a small database with the code of a tag or commit, ask it for its figures, and keep "
        "its dump: the test of upgrades brings it to today's schema."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", help="A tag; the files get its name.")
        parser.add_argument("--commit", help="Where there is no such tag: whose code it is.")
        parser.add_argument("--orders", type=int, default=ORDERS, help="How many (%(default)s).")
        parser.add_argument("--out", type=Path, default=FOLDER, help="The folder (%(default)s).")

    def handle(self, *args: Any, version: str, **options: Any) -> None:
        try:
            made = make(
                version,
                options["commit"] or version,
                orders=options["orders"],
                folder=options["out"],
                say=lambda text: self.stdout.write(f"{text} …"),
            )
        except (NotMade, BackupError) as error:
            raise CommandError(str(error)) from None
        size = (options["out"] / f"{version}.sql.gz").stat().st_size
        self.stdout.write(
            f"{version} of {made.commit[:12]}: {size / 1000:.0f} kB, "
            f"{len(made.figures)} files of figures, {len(made.issues)} open issues, "
            f"audit log {made.audit_head.partition(':')[0]} seals."
        )
