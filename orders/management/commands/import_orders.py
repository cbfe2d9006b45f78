"""``import_orders``: orders from a CSV file, all of them or none."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from auditlog.context import acting_as, job
from orders.csv_files import CsvFile, Unreadable
from orders.services.import_file import COLUMNS, LINE_COLUMNS, ORDER_COLUMNS, read_orders
from orders.services.importing import ImportDisturbed, Imported, LinkingDisturbed, import_orders

BAR = 24
SHOWN = 100


class Command(BaseCommand):
    """0: imported, or nothing to do; 1: mistakes in the file, or it was disturbed; 2: the file
    can't be read; 130: interrupted."""

    help = (
        "Import orders from a CSV file: all of them, or none if anything in the file is wrong. The "
        "same file again changes nothing. Exit codes: 0 imported, 1 mistakes or disturbed, "
        "2 unreadable, 130 interrupted."
    )

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        """The columns stand below the options, a line each."""
        options["epilog"] = columns_in_words()
        parser = super().create_parser(*args, **options)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The CSV file, or - for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
        parser.add_argument(
            "--take-stock",
            action="store_true",
            help="Take what paid orders hold from stock, as if they were paid now.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path, dry_run = options["file"], options["dry_run"]
        name = "standard input" if path == "-" else os.path.basename(path)
        name = os.fsencode(name).decode("utf-8", "replace")
        try:
            with acting_as(job("import_orders")), opened(path) as stream:
                lines = self.watched(stream, size_of(path))
                result = import_orders(
                    read_orders(CsvFile(lines, COLUMNS), timezone.now()),
                    reason=f"imported from {name}",
                    take_stock=options["take_stock"],
                    dry_run=dry_run,
                )
        except (OSError, Unreadable) as error:
            told = error.strerror if isinstance(error, OSError) else error
            raise CommandError(f"{name} can't be read: {told}.", returncode=2) from None
        except ImportDisturbed as error:
            raise CommandError(f"Nothing was imported: {error}.", returncode=1) from None
        except LinkingDisturbed as error:
            raise CommandError(
                "All orders are imported, but not all payments that wait for one of them are "
                f"linked: {error}. The same file again goes on with that.",
                returncode=1,
            ) from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Nothing was imported.", returncode=130) from None
        if result.mistaken:
            for mistake in result.mistakes[:SHOWN]:
                self.stderr.write(str(mistake))
            more = result.mistaken - min(len(result.mistakes), SHOWN)
            raise CommandError(
                f"Nothing was imported: {result.mistaken:,} "
                f"mistake{'' if result.mistaken == 1 else 's'} in {name}"
                + (f", of which {more:,} aren't shown." if more else "."),
                returncode=1,
            )
        self.stdout.write(in_words(result, dry_run=dry_run, take_stock=options["take_stock"]))

    def watched(self, stream: Iterable[bytes], size: int) -> Iterator[bytes]:
        """The file's lines; on a terminal with a bar that shows how far it is read."""
        shows, done, shown = self.stderr.isatty(), 0, -1
        for number, line in enumerate(stream, 1):
            done += len(line)
            if shows and (percent := done * 100 // size if size else number // 1000) != shown:
                shown = percent
                self.bar(number, done / size if size else None)
            yield line
        if shows and shown >= 0:
            self.stderr.write("", style_func=str)

    def bar(self, number: int, share: float | None) -> None:
        text = f"{number:,} lines"
        if share is not None:
            filled = round(BAR * min(share, 1))
            text = f"[{'#' * filled}{'.' * (BAR - filled)}] {min(share, 1):4.0%}  {text}"
        self.stderr.write(f"\r{text}", style_func=str, ending="")  # else it is red, as errors are
        self.stderr.flush()


def opened(path: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb")


def size_of(path: str) -> int:
    """In bytes; 0 where nobody knows."""
    return os.path.getsize(path) if path != "-" and os.path.isfile(path) else 0


def columns_in_words() -> str:
    """What the file's columns hold, for the help."""
    columns = {**ORDER_COLUMNS, **LINE_COLUMNS}
    return (
        "Columns, named in the first row; those with * must be there. Rows with the same number "
        "that\nfollow each other are lines of one order. See docs/import_orders.md.\n\n"
        + "\n".join(f"  {name:<18}{what}" for name, what in columns.items())
    )


def in_words(result: Imported, *, dry_run: bool, take_stock: bool) -> str:
    """What was done, or would be."""
    orders = "order" if result.made == 1 else "orders"
    lines = "line" if result.lines == 1 else "lines"
    if dry_run:
        return (
            f"{result.made:,} {orders} with {result.lines:,} {lines} would be imported; "
            f"{result.unchanged:,} unchanged. Nothing was changed."
        )
    text = (
        f"{result.made:,} {orders} with {result.lines:,} {lines} imported; "
        f"{result.unchanged:,} unchanged; {result.linked:,} linked to payments"
    )
    return f"{text}; {result.oversold:,} oversold." if take_stock else f"{text}."
