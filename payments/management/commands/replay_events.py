"""``replay_events``: process events again, or prove that doing so would change nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from auditlog.context import acting_as, job
from payments.models import StripeEvent
from payments.processing import drain
from payments.replay import replayable, requeue, verify

SHOWN = 50


def moment(text: str) -> datetime:
    """A date or a time, UTC where it has no zone."""
    parsed = parse_datetime(text)
    if parsed is None:
        day = parse_date(text)
        if day is None:
            raise CommandError(
                f"{text!r} is not a date like 2026-11-24 or a time like 2026-11-24T10:00Z"
            )
        parsed = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (made aware below)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Process events again: the dead ones, those since a time, or those with an id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dead", action="store_true", help="The dead events.")
        parser.add_argument("--since", type=moment, help="Those received since a date or time.")
        parser.add_argument("--id", action="append", default=[], help="One by id; may be repeated.")
        parser.add_argument(
            "--verify",
            action="store_true",
            help="Rebuild the mirror from the inbox beside the live one and compare; exit 1 if "
            "they differ. Alone it changes nothing.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say how many there are.")
        parser.add_argument("--reason", default="replay_events", help="For the audit log.")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options["dead"] or options["since"] or options["id"]
        if not chosen and not options["verify"]:
            raise CommandError("say what to replay: --dead, --since, --id, or only --verify")
        if chosen:
            self.replay(options)
        if options["verify"] and not options["dry_run"]:
            self.verify()

    def replay(self, options: dict[str, Any]) -> None:
        events = replayable(dead=options["dead"], since=options["since"], ids=options["id"])
        missing = set(options["id"]) - set(
            StripeEvent.objects.filter(stripe_id__in=options["id"]).values_list(
                "stripe_id", flat=True
            )
        )
        if missing:
            raise CommandError(f"not in the inbox: {', '.join(sorted(missing))}")
        if options["dry_run"]:
            self.stdout.write(f"{events.count()} events would be processed again")
            return
        with acting_as(job("replay_events")):
            count = requeue(events, reason=options["reason"])
            done = drain()
        self.stdout.write(
            f"{count} queued again; {done.processed} processed, {done.failed} failed, "
            f"{done.dead} dead"
        )

    def verify(self) -> None:
        tty = self.stderr.isatty()

        def progress(count: int) -> None:
            if tty:
                self.stderr.write(f"\r{count} observations", ending="")

        found = 0
        for difference in verify(progress):
            found += 1
            if found <= SHOWN:
                self.stdout.write(str(difference))
        if tty:
            self.stderr.write("")
        if found:
            self.stdout.write(f"{found} objects differ from what the inbox says")
            sys.exit(1)
        self.stdout.write("the mirror is what the inbox says")
