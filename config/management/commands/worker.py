"""``manage.py worker``: run jobs until told to stop."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.worker import CONCURRENCY, run_until_signal
from governance.settings_seen import note_at_start


class Command(BaseCommand):
    help = (
        "Run jobs: events as they come, and the schedule. Outlives an outage of the database; "
        "SIGTERM and SIGINT finish the running jobs first. Start as many as are needed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency", type=int, default=CONCURRENCY, help="Jobs at a time (%(default)s)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        note_at_start("worker")
        asyncio.run(run_until_signal(concurrency=options["concurrency"]))
