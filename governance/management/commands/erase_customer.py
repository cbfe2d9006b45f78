"""``manage.py erase_customer``: forget a person, and keep the books."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from auditlog.context import acting_as, job
from governance.erasure import NobodyKnown, erase_customer


class Command(BaseCommand):
    help = (
        "Erase what is personal of a customer, everywhere; their payments and orders stay under a "
        "pseudonym. What Stripe says of them later comes in without it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "who", help="An e-mail address, the id of a customer of Stripe's, or of one of ours."
        )
        parser.add_argument(
            "--reason", required=True, help="For the audit log, which keeps it: name nobody in it."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be erased.")

    def handle(self, *, who: str, reason: str, dry_run: bool, **options: Any) -> None:
        if not reason.strip():
            raise CommandError("say why: --reason")
        try:
            with acting_as(job("erase_customer")):
                erased = erase_customer(who, reason=reason, dry_run=dry_run)
        except NobodyKnown as error:
            raise CommandError(str(error)) from None
        for name, count in sorted(erased.fields.items()):
            self.stdout.write(f"{count:>9}  {name}")
        if not erased.total:
            self.stdout.write("There is nothing left to erase.")
        elif dry_run:
            self.stdout.write(f"{erased.total} values would be erased; nothing was changed.")
        else:
            self.stdout.write(
                f"{erased.total} values are erased. Stripe still has the customer: delete or "
                "redact them there, too."
            )
