"""``manage.py restore``: bring a backup back, into an empty database."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from auditlog.actions import BACKUP_RESTORED
from auditlog.context import acting_as, job
from auditlog.services import record
from release.backup.database import BackupError, Database
from release.backup.files import Backup, newest_in
from release.backup.progress import progress_on
from release.backup.restoring import restore


class Command(BaseCommand):
    help = (
        "Restore a backup into the database of DATABASE_URL, which must be empty, and compare "
        "every table with what was counted when the backup was taken. Exits 1 when one differs."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            metavar="PATH",
            default=settings.BACKUP_DIR,
            help="A dump, or a folder whose newest is taken (BACKUP_DIR).",
        )

    def handle(self, *, source: str, **options: Any) -> None:
        if not source:
            raise CommandError("Say which: --from DUMP, or --from DIR.")
        path, into = Path(source), Database.current()
        try:
            backup = newest_in(path, into.name) if path.is_dir() else Backup(path)
            restored = restore(
                backup, into, say=self.stdout.write, progress=progress_on(self.stderr)
            )
        except BackupError as error:
            raise CommandError(str(error)) from None
        with acting_as(job("restore")), transaction.atomic():
            record(
                BACKUP_RESTORED,
                reason="; ".join(restored.differences[:20]),
                after={"file": backup.name, "rows": restored.contents.rows},
            )
        for difference in restored.differences:
            self.stderr.write(difference)
        if restored.differences:
            sys.exit(1)
        self.stdout.write(
            f"{backup.name} is back as it was: {restored.contents.rows:,} rows, "
            f"{restored.restore_seconds:.1f} s. Now: manage.py migrate, verify_audit, run_checks."
        )
