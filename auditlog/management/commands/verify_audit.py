"""``manage.py verify_audit``: prove that the audit log is what was written, or say what isn't."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from auditlog.context import acting_as, job
from auditlog.sealing import Head
from auditlog.verification import (
    UNSEALED_MINUTES,
    Progress,
    Verification,
    head,
    verify_and_record,
    verify_whole,
)

SOUND, NOT_SOUND, COULD_NOT_RUN = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Verify every seal and every row of the audit log. Exits 0 when it is sound, 1 when it "
        "isn't and says what is wrong, 2 when it could not be verified."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            action="store_true",
            help="Only print the newest seal (number:last id:digest), to be kept elsewhere.",
        )
        parser.add_argument(
            "--against",
            metavar="HEAD",
            help="A head that was kept elsewhere, or the file that it is in: finds a log that was "
            "cut off, or rewritten whole and sealed anew.",
        )
        parser.add_argument(
            "--unsealed-minutes",
            type=int,
            default=UNSEALED_MINUTES,
            help="How old a row may be that isn't sealed yet (default: %(default)s).",
        )
        parser.add_argument(
            "--no-record",
            action="store_true",
            help="Don’t say in the log itself what came of it: for a copy that can only be read. "
            "The checks go by what is said there.",
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:
        try:
            if options["head"]:
                self.print_head(options["format"])
                return
            against = self.kept(options["against"]) if options["against"] else None
            began = time.monotonic()
            run = verify_whole if options["no_record"] else verify_and_record
            with acting_as(job("verify_audit")):
                found = run(
                    against=against,
                    unsealed_minutes=options["unsealed_minutes"],
                    progress=self.progress(),
                )
        except DatabaseError as error:
            raise CommandError(f"could not verify: {error}", returncode=COULD_NOT_RUN) from error
        seconds = time.monotonic() - began
        self.stdout.write(
            as_json(found, against, seconds)
            if options["format"] == "json"
            else as_text(found, against, seconds)
        )
        if not found.sound:
            sys.exit(NOT_SOUND)

    def print_head(self, form: str) -> None:
        newest = head()
        if newest is None:
            raise CommandError("there is no seal yet", returncode=COULD_NOT_RUN)
        self.stdout.write(json.dumps(vars(newest)) if form == "json" else str(newest))

    def kept(self, text: str) -> Head:
        """The head that was given, or is in the file of that name."""
        try:
            path = Path(text)
            return Head.parse(path.read_text() if path.is_file() else text)
        except (OSError, ValueError) as error:
            raise CommandError(f"--against: {error}", returncode=COULD_NOT_RUN) from None

    def progress(self) -> Progress:
        """Tells a person at a terminal how far it is."""
        if not self.stderr.isatty():
            return lambda done, total: None

        def show(done: int, total: int) -> None:
            text = f"{done:,} of {total:,} rows" if done < total else ""
            self.stderr.write(f"\r{text:<40}\r", style_func=str, ending="")
            self.stderr.flush()

        return show


def as_text(found: Verification, against: Head | None, seconds: float) -> str:
    """What a person reads: what is wrong, then what was verified."""
    lines = [str(fault) for fault in found.faults]
    if found.fault_count > len(found.faults):
        lines.append(f"and {found.fault_count - len(found.faults):,} faults more")
    lines.append(f"{found.rows:,} rows in {found.seals:,} seals verified in {seconds:.1f} s")
    if found.head:
        lines.append(f"head {found.head}")
    if against:
        lines.append(f"against {against}")
    faults = "fault" if found.fault_count == 1 else "faults"
    lines.append("sound" if found.sound else f"NOT SOUND: {found.fault_count:,} {faults}")
    return "\n".join(lines)


def as_json(found: Verification, against: Head | None, seconds: float) -> str:
    """The same for programs."""
    return json.dumps(
        {
            "sound": found.sound,
            "rows": found.rows,
            "seals": found.seals,
            "head": vars(found.head) if found.head else None,
            "against": vars(against) if against else None,
            "faults": [vars(fault) for fault in found.faults],
            "fault_count": found.fault_count,
            "seconds": round(seconds, 3),
        },
        indent=2,
    )
