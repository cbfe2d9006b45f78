"""``replay_events``: process events again, or prove that doing so would change nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from auditlog.context import acting_as, job
from payments.management.since import SINCE, parse_since
from payments.models import StripeEvent
from payments.processing import drain
from payments.replay import replayable, requeue, verify

SHOWN = 50


class Command(BaseCommand):
    help = "Process events again: the dead ones, those since a time, or those with an id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dead", action="store_true", help="The dead events.")
        parser.add_argument("--since", default="", help=f"Those received since: {SINCE}.")
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
        if options["verify"]:
            self.verify()

    def replay(self, options: dict[str, Any]) -> None:
        since = parse_since(options["since"], timezone.now()) if options["since"] else None
        events = replayable(dead=options["dead"], since=since, ids=options["id"])
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
                self.stderr.write(f"\r{count} observations", style_func=str, ending="")

        found = 0
        for difference in verify(progress):
            found += 1
            if found <= SHOWN:
                self.stdout.write(str(difference))
        if tty:
            self.stderr.write("", style_func=str)
        if found:
            differ = "object differs" if found == 1 else "objects differ"
            self.stdout.write(f"{found} {differ} from what the inbox says")
            sys.exit(1)
        self.stdout.write("the mirror is what the inbox says")
