"""``manage.py backup``: write a backup that a drill can prove."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from auditlog.context import acting_as, job
from release.backup.database import BackupError
from release.backup.progress import progress_on
from release.backup.taking import plan, take


class Command(BaseCommand):
    help = (
        "Dump the database with the server's own pg_dump, with a count and a digest of every "
        "table as the dump saw it, and checksums. Deletes all but the newest backups."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to",
            metavar="DIR",
            default=settings.BACKUP_DIR,
            help="The folder for it (BACKUP_DIR).",
        )
        parser.add_argument(
            "--keep",
            type=int,
            default=settings.BACKUP_KEEP,
            metavar="N",
            help="How many backups to keep, this one among them (%(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be done, and do nothing."
        )

    def handle(self, *, to: str, keep: int, dry_run: bool, **options: Any) -> None:
        if not to:
            raise CommandError("Say where: --to DIR, or set BACKUP_DIR.")
        try:
            if dry_run:
                self.plan(Path(to), keep)
            else:
                self.take(Path(to), keep)
        except BackupError as error:
            raise CommandError(str(error)) from None

    def plan(self, folder: Path, keep: int) -> None:
        planned = plan(folder, keep=keep)
        self.stdout.write(
            f"Would dump {planned.tables} tables, {megabytes(planned.database_bytes)} in the "
            f"database, from PostgreSQL {planned.server} with pg_dump {planned.tools.version} "
            f"({planned.tools.folder})\n"
            f"to {planned.backup.dump}, where {megabytes(planned.free_bytes)} are free"
        )
        for old in planned.to_delete:
            self.stdout.write(f"and delete {old.name}")

    def take(self, folder: Path, keep: int) -> None:
        with acting_as(job("backup")):
            taken = take(
                folder, keep=keep, say=self.stdout.write, progress=progress_on(self.stderr)
            )
        self.stdout.write(
            f"{taken.backup.dump}: {len(taken.contents.tables)} tables, "
            f"{taken.contents.rows:,} rows, {megabytes(taken.bytes)}, {taken.seconds:.1f} s"
        )
        for old in taken.deleted:
            self.stdout.write(f"Deleted {old.name}")


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
