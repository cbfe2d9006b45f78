"""``manage.py seed_demo``: fill an empty database with the demo's past."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from release.demo.running import STATE
from release.demo.seeding import ORDERS, SEED, NotADemo, is_seeded, seed


class Command(BaseCommand):
    help = (
        "Fill an empty database with half a year of a shop's past, made at the stand-in for "
        "Stripe. Refuses in production and where there is other data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=ORDERS, help="how many (%(default)s)")
        parser.add_argument("--seed", type=int, default=SEED, help="another past (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if is_seeded():
                self.stdout.write("The demo's past is in this database already.")
                return
            seed(
                state=STATE,
                seed=options["seed"],
                orders=options["orders"],
                say=lambda text: self.stdout.write(f"{text} …"),
            )
        except NotADemo as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done. `make demo` shows it.")
