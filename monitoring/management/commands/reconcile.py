"""``manage.py reconcile``: Stripe's balance against charges, orders and snapshots, day by day."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring.reconciliation.period import DEFAULT_ZONE, BadPeriod, period
from monitoring.reconciliation.report import COLUMNS, as_json, as_rows, as_text
from monitoring.reconciliation.selectors import reconcile

EXPLAINED, TO_LOOK_AT, COULD_NOT_RUN = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Compare, for each day and currency, Stripe's balance transactions with charges and "
        "refunds, these with orders, and all with the snapshots; name every difference. Exits 0 "
        "when each has a reason, 1 when somebody should look at one, 2 when it could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first", required=True, metavar="YYYY-MM-DD")
        parser.add_argument(
            "--to", dest="last", required=True, metavar="YYYY-MM-DD", help="This day included."
        )
        parser.add_argument(
            "--tz",
            default=DEFAULT_ZONE,
            metavar="ZONE",
            help="Whose days: %(default)s, as Stripe's reports, unless another is given.",
        )
        parser.add_argument("--format", choices=["text", "json", "csv"], default="text")

    def handle(self, *, first: str, last: str, tz: str, **options: Any) -> None:
        try:
            found = reconcile(period(first, last, tz, now=timezone.now()))
        except BadPeriod as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from None
        if options["format"] == "json":
            self.stdout.write(as_json(found))
        elif options["format"] == "csv":
            writer = csv.writer(self.stdout, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(as_rows(found))
        else:
            for line in as_text(found):
                self.stdout.write(line)
        if found.to_look_at:
            sys.exit(TO_LOOK_AT)
