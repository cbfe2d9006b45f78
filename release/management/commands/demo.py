"""``manage.py demo``: the whole product with sample data, until Ctrl-C."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from release.demo.alone import DemoFailed
from release.demo.running import run
from release.demo.seeding import ORDERS, NotADemo


class Command(BaseCommand):
    help = (
        "Run web, worker and a stand-in for Stripe on this machine, with a shop's past and new "
        "orders coming in. Ctrl-C stops all of it and keeps the data. Refuses in production."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", default="8000", help="0 takes any free one")
        parser.add_argument(
            "--orders", type=int, default=ORDERS, help="in the past of a new demo (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(options["port"], self.say, orders=options["orders"])
        except (DemoFailed, NotADemo) as error:
            raise CommandError(str(error)) from None

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
