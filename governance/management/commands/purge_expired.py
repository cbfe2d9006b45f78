"""``manage.py purge_expired``: reduce and delete what is past its time."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from auditlog.context import acting_as, job
from governance.retention import purge_expired


class Command(BaseCommand):
    help = (
        "Reduce the payloads of old events, and delete old jobs, sessions and attempts to sign in. "
        "Workers do it every night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say how much is due.")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        tty = self.stderr.isatty()

        def progress(name: str, count: int) -> None:
            if tty:
                self.stderr.write(f"\r{count} {name}", style_func=str, ending="")

        with acting_as(job("purge_expired")):
            found = purge_expired(dry_run=dry_run, progress=progress)
        if tty:
            self.stderr.write("", style_func=str)
        for one in found:
            self.stdout.write(f"{one.count:>9}  {one.name}: {one.done}")
        if dry_run:
            self.stdout.write("Nothing was changed: that is what is due.")
