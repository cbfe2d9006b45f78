"""``check_stripe``: what the key may do, and whether the webhook endpoint suits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import stripe
from django.core.management.base import BaseCommand, CommandError

from payments.account import Inspection, inspect
from payments.client import NotConfigured, refusal


class Command(BaseCommand):
    """Prints what was found. 0: nothing is missing; 1: something must be put right."""

    help = "Say what the Stripe key may read and write, and whether the webhook endpoint suits."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = inspect()
        except NotConfigured as error:
            raise CommandError(str(error), returncode=1) from None
        except stripe.StripeError as error:
            raise CommandError(refusal(error), returncode=1) from None
        self._head(found)
        self._table(
            ("resource", "read", "write", "missing"),
            [(a.resource, a.read.value, a.write.value, a.missing) for a in found.abilities],
        )
        self._table(
            ("endpoint", "enabled", "ours", "version", "missing", "beyond"),
            [
                (
                    endpoint.url,
                    "yes" if endpoint.enabled else "no",
                    "yes" if endpoint.ours else "no",
                    endpoint.api_version or "default",
                    f"{len(endpoint.missing)} events" if endpoint.missing else "none",
                    f"{len(endpoint.beyond)} events" if endpoint.beyond else "none",
                )
                for endpoint in found.endpoints
            ],
        )
        for warning in found.warnings:
            self.stdout.write(f"warning: {warning}")
        for problem in found.problems:
            self.stdout.write(f"problem: {problem}")
        if found.problems:
            count = len(found.problems)
            raise CommandError(
                f"{count} {'thing is' if count == 1 else 'things are'} to be put right.",
                returncode=1,
            )
        self.stdout.write("Nothing is missing.")

    def _head(self, found: Inspection) -> None:
        mode = "live" if found.livemode else "test"
        kind = "restricted" if found.restricted else "full secret"
        self.stdout.write(f"account:     {found.account or 'unknown'}")
        self.stdout.write(f"key:         {kind}, {mode} mode")
        self.stdout.write(f"API version: {found.api_version}\n\n")

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            return
        widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
        for row in (head, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())
        self.stdout.write("")
