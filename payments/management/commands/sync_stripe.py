"""``sync_stripe``: list Stripe's objects and events into the inbox, and process them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from auditlog.context import acting_as, job
from payments.client import NotConfigured
from payments.management.since import SINCE, parse_since
from payments.resources import RESOURCES
from payments.sync import Listed, UnknownResource, sync

BAR = 24


class Command(BaseCommand):
    """Lists everything, or what ``--since`` and ``--only`` leave; 1 if a resource was refused."""

    help = (
        "List Stripe's objects and events into the inbox and process them. A list that was "
        "interrupted goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            default="",
            help=f"Only what was made since: {SINCE}.",
        )
        parser.add_argument(
            "--only", default="", help=f"Some of {', '.join(RESOURCES)}; separated by commas."
        )
        parser.add_argument(
            "--restart", action="store_true", help="Start lists anew that were interrupted."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        only = [name.strip().replace("-", "_") for name in options["only"].split(",") if name]
        since = parse_since(options["since"], timezone.now()) if options["since"] else None
        wanted = [name for name in RESOURCES if not only or name in only]
        show = self._bar(wanted, since) if self.stdout.isatty() else self._line
        try:
            with acting_as(job("sync_stripe")):
                result = sync(since=since, only=only, restart=options["restart"], progress=show)
        except (NotConfigured, UnknownResource) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. Run it again, and the list goes on where it stopped.", returncode=130
            ) from None
        self.stdout.write(
            f"{sum(listed.listed for listed in result.resources):,} listed, "
            f"{sum(listed.stored for listed in result.resources):,} new; "
            f"{result.read:,} read singly; {result.processed:,} processed, "
            f"{result.failed:,} failed, {result.dead:,} dead."
        )
        if result.note:
            self.stderr.write(f"Not everything was read: {result.note}")
        if result.refused:
            raise CommandError(
                "Stripe refused "
                + "; ".join(f"{listed.resource}: {listed.error}" for listed in result.refused),
                returncode=1,
            )

    def _line(self, listed: Listed) -> None:
        if listed.done:
            self.stdout.write(describe(listed))

    def _bar(self, wanted: list[str], since: datetime | None) -> Any:
        """A line that is written over; how far one list has come is known by its dates alone."""
        started = timezone.now()

        def show(listed: Listed) -> None:
            part = 1.0 if listed.done else 0.0
            if since and listed.reached and not listed.done:
                part = min((started - listed.reached) / max(started - since, timedelta(1e-9)), 1.0)
            share = (wanted.index(listed.resource) + part) / len(wanted)
            filled = round(BAR * share)
            bar = "#" * filled + "." * (BAR - filled)
            text = f"[{bar}] {share:4.0%}  {describe(listed)}"[:119]
            ending = "\n" if listed.done and listed.resource == wanted[-1] else ""
            self.stdout.write(f"\r{text:<119}", ending=ending)
            self.stdout.flush()

        return show


def describe(listed: Listed) -> str:
    """One resource in words: what was listed, how far back, and what Stripe refused."""
    text = f"{listed.resource}: {listed.listed:,} listed, {listed.stored:,} new"
    if listed.resumed:
        text += ", went on where it was interrupted"
    if listed.reached and not listed.done:
        text += f", back to {listed.reached:%Y-%m-%d}"
    return f"{text}: {listed.error}" if listed.error else text
