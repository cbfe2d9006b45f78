"""``manage.py export``: a file, or a pack of files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.exports import PACKS, Pack, Scope, all_exports, exports_of
from analyticsapp.exports.bundle import part_of
from analyticsapp.exports.sending import take, take_files, take_pack
from analyticsapp.periods import BadPeriod, Period, period_of
from auditlog.context import acting_as, job
from auditlog.exports import Download
from payments.money import CURRENCY


class Command(BaseCommand):
    help = "Write an export as CSV, or a pack of them as files or as a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="An export or a pack; --list shows them.")
        parser.add_argument("--list", action="store_true", help="Show what there is, and stop.")
        days = parser.add_argument_group("days, the last 30 where nothing says")
        days.add_argument("--from", dest="first", default="", metavar="YYYY-MM-DD")
        days.add_argument("--to", dest="last", default="", metavar="YYYY-MM-DD")
        days.add_argument("--days", type=int, metavar="N", help="The last N days, today included.")
        days.add_argument("--all", action="store_true", help="All that there is.")
        parser.add_argument("--currency", default="", help="This one alone, such as eur.")
        parser.add_argument(
            "--pii", action="store_true", help="With the columns that tell who somebody is."
        )
        parser.add_argument("--out", type=Path, help="A file; of a pack a folder, or its zip.")
        parser.add_argument("--zip", action="store_true", help="A pack as one file.")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        if options["list"]:
            return self.list()
        export = all_exports().get(name or "")
        pack = PACKS.get(name or "")
        scope = self.scope(options)
        out: Path | None = options["out"]
        if not (export or pack):
            raise CommandError(f"There is no export or pack {name!r}; --list shows them.")
        if export and options["zip"]:
            raise CommandError("--zip is for packs: an export is one file.")
        if out and out.is_dir() and (export or options["zip"]):
            raise CommandError(f"{out} is a folder; name a file in it.")
        with acting_as(job("export")):
            if export:
                self.write(take(export, scope), out)
            elif pack and options["zip"]:
                self.write(take_pack(pack, scope), out)
            elif pack:
                self.write_files(pack, scope, out)
        return None

    def scope(self, options: dict[str, Any]) -> Scope:
        ways = [options["first"] or options["last"], options["days"], options["all"]]
        if sum(map(bool, ways)) > 1:
            raise CommandError("--from and --to, --days, or --all: one of them.")
        currency = options["currency"].lower()
        if currency and not CURRENCY.fullmatch(currency):
            raise CommandError(f"{currency!r} is no currency such as eur.")
        if options["all"]:
            return Scope(currency=currency, personal=options["pii"])
        now = timezone.now()
        days = options["days"]
        if days is not None and not 1 <= days <= 36_600:
            raise CommandError("--days takes a number from 1 to 36600.")
        try:
            period = (
                Period.of_days(days, day_of(now))
                if days
                else period_of({"from": options["first"], "to": options["last"]}, now)
            )
        except BadPeriod as error:
            raise CommandError(str(error)) from None
        return Scope(period.first, period.last, currency, options["pii"])

    def list(self) -> None:
        for pack in PACKS.values():
            self.stdout.write(f"{pack.name}: the pack for {pack.title.lower()}")
            for export in exports_of(pack):
                self.stdout.write(f"  {export.name:<22} {export.title}")

    def write(self, download: Download, out: Path | None) -> None:
        """To the file, which has its name only once it is whole; else to the terminal."""
        with closing(download):
            if out is None:
                self.pump(download, sys.stdout.buffer)
                return
            part = part_of(out)
            try:
                with part.open("wb") as file:
                    self.pump(download, file)
                part.replace(out)
            except OSError as error:
                raise CommandError(str(error)) from None

    def write_files(self, pack: Pack, scope: Scope, out: Path | None) -> None:
        if out is None:
            raise CommandError("A pack is many files: say where by --out FOLDER, or --zip.")
        try:
            out.mkdir(parents=True, exist_ok=True)
            with closing(take_files(pack, scope, out)) as download:
                self.pump(download, None)
        except OSError as error:
            raise CommandError(str(error)) from None

    def pump(self, download: Download, to: BinaryIO | None) -> None:
        """Read the download to its end, showing how far it is."""
        for block in download:
            if to:
                to.write(block)
            self.show(download)
        self.show(download, done=True)

    def show(self, download: Download, *, done: bool = False) -> None:
        """What has been written, in place on a terminal; elsewhere once, at the end."""
        if not (done or sys.stderr.isatty()):
            return
        account = download.body.account()
        files = account.get("files", [account])
        rows = sum(file["rows"] for file in files)
        size = sum(file["bytes"] for file in files) / 1_000_000
        what = f"{files[-1]['file']}: " if "files" in account and not done else ""
        line = f"{what}{rows:,} {'row' if rows == 1 else 'rows'}, {size:,.1f} MB of CSV"
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        self.stderr.write(start + line, ending="\n" if done else "")
