"""``manage.py seed_demo``: fill an empty database with the demo's past."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from release.demo.running import STATE
from release.demo.seeding import ORDERS, SEED, NotADemo, is_seeded, seed


class Command(BaseCommand):
    help = (
        "Fill an empty database with more than a year of a shop's past, made at the stand-in "
        "for Stripe. Refuses in production and where there is other data."
    )

    tenth = 0

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=ORDERS, help="how many (%(default)s)")
        parser.add_argument("--seed", type=int, default=SEED, help="another past (%(default)s)")

        parser.add_argument(
            "--with-anomaly",
            action="store_true",
            help="leave one payment that isn't what its order is worth, to be mended",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if is_seeded():
                self.stdout.write("The demo's past is in this database already.")
                return
            seed(
                state=STATE,
                seed=options["seed"],
                orders=options["orders"],
                anomaly=options["with_anomaly"],
                say=self.say,
                progress=self.progress,
            )
        except NotADemo as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done. `make demo` shows it.")

    def say(self, text: str) -> None:
        self.stdout.write(f"{text} …")
        self.stdout.flush()

    def progress(self, done: int, total: int) -> None:
        """A line that moves on a terminal; elsewhere, one for each tenth."""
        tenth = 10 * done // total
        if self.stdout.isatty():
            end = "\n" if done == total else ""
            self.stdout.write(f"\r  {100 * done // total:3} %", ending=end)
        elif tenth > self.tenth:
            self.tenth = tenth
            self.stdout.write(f"  {10 * tenth:3} %")
        self.stdout.flush()
