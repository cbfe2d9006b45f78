"""``process_events``: drain the inbox and exit."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from auditlog.context import acting_as, job
from payments.processing import drain


class Command(BaseCommand):
    help = "Process all events that are due, print what became of them, and exit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="Process at most so many.")

    def handle(self, *args: Any, limit: int | None, **options: Any) -> None:
        with acting_as(job("process_events")):
            done = drain(limit=limit)
        self.stdout.write(
            f"{done.processed} processed, {done.failed} failed (to be tried again), "
            f"{done.dead} dead"
        )
