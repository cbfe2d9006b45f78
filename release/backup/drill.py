"""The restore drill: proof that the newest backup gives everything back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from psycopg.errors import Error

from auditlog import services as audit
from auditlog.actions import RESTORE_DRILL_FAILED, RESTORE_DRILL_SUCCEEDED
from auditlog.verification import UNSEALED_MINUTES
from release.backup.database import BackupError, Database, first_line
from release.backup.files import Backup, newest_in, write_whole
from release.backup.restoring import restore
from release.backup.scratch import scratch_database
from release.backup.taking import Say

OPEN_ISSUES = "SELECT check_name FROM monitoring_issue WHERE status = 'open'"


@dataclass
class Drill:
    """A drill, while it goes on and afterwards."""

    backup: Backup
    say: Say
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Write a line into the log, and tell it."""
        for line in text.splitlines():
            self.lines.append(f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}  {line}")
            self.say(line)

    def found(self, problem: str) -> None:
        """Note that something isn't as it should be; the drill goes on as far as it can."""
        self.problems.append(problem)
        self.tell(f"FAILED: {problem}")

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 1)


def drill(
    folder: Path,
    *,
    now: datetime | None = None,
    say: Say = lambda text: None,
    progress: Say = lambda text: None,
) -> Drill:
    """Restore the newest backup in ``folder`` beside the current database, and look at all of it.

    Every table's rows are compared with what was counted when the dump was made; the audit log is
    verified and all checks are run there. ``….drill.log`` beside the backup has what was seen, and
    the audit log what came of it.

    Raises:
        BackupError: there is no backup, or a drill is under way. What is wrong with the backup
            itself is in the ``problems`` of the drill that is returned.
    """
    source = Database.current()
    now = now or timezone.now()
    try:
        backup = newest_in(folder, source.name)
    except BackupError as error:
        with transaction.atomic():
            audit.record(RESTORE_DRILL_FAILED, reason=str(error))
        raise
    seen = Drill(backup, say)
    seen.tell(f"Restore drill of {seen.backup.dump}")
    age = now - seen.backup.taken_at
    seen.tell(f"It is {age.total_seconds() / 3600:.1f} hours old.")
    try:
        with seen.timed("total"), scratch_database(source) as scratch:
            _look(seen, scratch, int(age.total_seconds() // 60) + UNSEALED_MINUTES, progress)
    except (BackupError, Error, OSError) as error:
        seen.found(str(error) if isinstance(error, BackupError) else first_line(error))
    _conclude(seen)
    return seen


def _look(seen: Drill, scratch: Database, unsealed_minutes: int, progress: Say) -> None:
    restored = restore(seen.backup, scratch, say=seen.tell, progress=progress)
    seen.rows = restored.contents.rows
    seen.seconds["restore"] = round(restored.restore_seconds, 1)
    seen.seconds["compare"] = round(restored.compare_seconds, 1)
    for difference in restored.differences:
        seen.found(difference)
    if not restored.differences:
        tables, objects = restored.contents.tables, restored.contents.objects
        seen.tell(f"All {len(tables)} tables hold the rows that they held: {seen.rows:,} rows.")
        kinds = ", ".join(f"{part.count:,} {kind}" for kind, part in objects.items())
        seen.tell(f"All else is there too: {kinds}.")
    verify = ["verify_audit", f"--unsealed-minutes={unsealed_minutes}"]
    if head := seen.backup.read_manifest()["audit_head"]:
        verify += ["--against", head]
    with seen.timed("verify_audit"):
        code = _manage(seen, scratch, *verify)
    if code:
        seen.found(f"verify_audit exited with {code}")
    before = _open_issues(scratch)
    with seen.timed("run_checks"):
        code = _manage(seen, scratch, "run_checks")
    if code:
        seen.found(f"run_checks exited with {code}")
    after = _open_issues(scratch)
    seen.tell(f"Issues open in the backup: {_counted(before)}")
    # Time alone opens some: nobody ships parcels or takes backups in a copy.
    seen.tell(f"Issues that the checks opened in the copy: {_counted(after - before)}")


def _manage(seen: Drill, scratch: Database, *arguments: str) -> int:
    """Run a command of ours on the restored database; return its exit code.

    It reaches nobody from there: no alerts, no Stripe.
    """
    seen.tell(f"$ manage.py {' '.join(arguments)}")
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={
            **os.environ,
            "DATABASE_URL": scratch.url_like(settings.DATABASE_URL),
            "ALERT_URLS": "",
            "STRIPE_API_KEY": "",
        },
    )
    seen.tell(done.stdout)
    return done.returncode


def _open_issues(scratch: Database) -> Counter[str]:
    with scratch.connect() as connection:
        return Counter(name for (name,) in connection.execute(OPEN_ISSUES).fetchall())


def _counted(issues: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(issues.items())) or "none"


def _conclude(seen: Drill) -> None:
    if seen.seconds:
        seen.tell("Seconds: " + ", ".join(f"{step} {time}" for step, time in seen.seconds.items()))
    problems: Sequence[str] = seen.problems
    seen.tell(
        f"The drill FAILED: {len(problems)} {'problem' if len(problems) == 1 else 'problems'}."
        if problems
        else "The drill succeeded: the backup gives back all that was in the database."
    )
    write_whole(seen.backup.log, "\n".join(seen.lines) + "\n")
    with transaction.atomic():
        audit.record(
            RESTORE_DRILL_FAILED if problems else RESTORE_DRILL_SUCCEEDED,
            reason="; ".join(problems[:20]),
            after={"file": seen.backup.name, "rows": seen.rows, "seconds": seen.seconds},
        )
