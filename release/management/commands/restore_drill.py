"""``manage.py restore_drill``: prove that the newest backup can be restored, or fail."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from auditlog.context import acting_as, job
from release.backup.database import BackupError
from release.backup.drill import drill
from release.backup.progress import progress_on


class Command(BaseCommand):
    help = (
        "Restore the newest backup into a database that is made for it and dropped after, compare "
        "every table with the source as of the dump, verify the audit log and run the checks "
        "there. Exits 1 on any difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            metavar="DIR",
            default=settings.BACKUP_DIR,
            help="The folder with the backups (BACKUP_DIR).",
        )

    def handle(self, *, source: str, **options: Any) -> None:
        if not source:
            raise CommandError("Say where the backups are: --from DIR, or set BACKUP_DIR.")
        try:
            with acting_as(job("restore_drill")):
                seen = drill(Path(source), say=self.stdout.write, progress=progress_on(self.stderr))
        except BackupError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Its log is {seen.backup.log}")
        if seen.problems:
            raise CommandError("; ".join(seen.problems))
