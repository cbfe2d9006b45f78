"""``manage.py build_snapshots``: bring the daily figures up to date, or count them anew."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from analyticsapp.days import Window, day_of
from analyticsapp.services import snapshots
from auditlog.context import acting_as, job
from auditlog.services import record


class Command(BaseCommand):
    help = "Bring the daily figures up to date; with an option, count days anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--days", type=int, metavar="N", help="Count the last N days anew.")
        which.add_argument("--all", action="store_true", help="Count every day anew.")

    def handle(self, *args: Any, days: int | None, **options: Any) -> None:
        if days is not None and not 1 <= days <= 36_600:
            raise CommandError("--days takes a number from 1 to 36600.")
        with acting_as(job("build_snapshots")), transaction.atomic():
            if options["all"]:
                built = snapshots.build_all(progress=self.show)
            elif days:
                last = day_of(timezone.now())
                built = snapshots.build(Window.ending(last, days).days(), progress=self.show)
            else:
                built = snapshots.refresh()
            if days or options["all"]:
                record("snapshots.build", after=_span(built))
        self.stdout.write(f"{len(built)} {'day' if len(built) == 1 else 'days'} counted.")

    def show(self, done: int, of: int) -> None:
        """A bar that fills in place on a terminal; nothing elsewhere."""
        if sys.stderr.isatty():
            bar = "█" * (30 * done // of)
            self.stderr.write(f"\r{bar:░<30} {done}/{of} days", ending="" if done < of else "\n")
            self.stderr.flush()


def _span(days: list[date]) -> dict[str, Any]:
    return {
        "days": len(days),
        "first": days[0].isoformat() if days else None,
        "last": days[-1].isoformat() if days else None,
    }
