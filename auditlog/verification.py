"""Verifying the audit log: every seal against the one before, every row against its seal.

What is found is named. A log that was rewritten and sealed anew, or cut off at the end, is found by
comparing it with the head that it had when it was last found sound, which the log itself tells. Who
rewrites that too can only be found out by a head that is kept elsewhere (``against``).

The database digests the rows, of as many seals at once as have about ``ROWS_AT_ONCE`` together;
only what doesn't fit is looked at row by row. So memory stays flat, however long the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditlog.actions import AUDIT_VERIFIED
from auditlog.canonical import ROWS_IN
from auditlog.chain import broken_seals
from auditlog.contents import changed_rows
from auditlog.faults import Fault, Kind
from auditlog.idranges import in_words
from auditlog.models import AuditEvent
from auditlog.sealing import ALLOTTED, Head
from auditlog.services import record

ROWS_AT_ONCE = 50_000
SEALS_AT_ONCE = 1_000
# More are counted, not listed: it wasn't one accident.
MOST_FAULTS = 200
FAULTS_RECORDED = 20
# Older rows must have been sealed: the sealer runs every minute.
UNSEALED_MINUTES = 60

# Told how many sealed rows of how many are done.
Progress = Callable[[int, int], None]

# As many seals as have so many rows together, at least one.
NEXT = """
SELECT max(number), sum(count), count(*) FROM (
    SELECT number, count, coalesce(sum(count) OVER (
        ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS before
    FROM (
        SELECT number, count FROM auditlog_auditseal
        WHERE number > %(after)s AND number <= %(upto)s ORDER BY number LIMIT %(seals)s
    ) AS ahead
) AS ahead
WHERE before < %(rows)s
"""

UNSEALED = f"""
SELECT count(*), min(id), max(id)
FROM (
    SELECT id, at FROM auditlog_auditevent WHERE id > %(last_id)s
    UNION ALL
    SELECT event.id, event.at FROM auditlog_auditseal AS seal
    CROSS JOIN unnest(seal.pending) AS late (ids)
    CROSS JOIN LATERAL ({ROWS_IN.format(ids="late.ids")}) AS event
    WHERE seal.number = %(number)s
) AS unsealed
WHERE at < %(before)s
"""
# The rows are read as of before the sequence is, so none of them is too young for it.
STRAYS = f"""
SELECT (SELECT count(*) FROM auditlog_auditevent WHERE id < 1),
    (SELECT count(*) FROM auditlog_auditevent WHERE id > ({ALLOTTED})),
    (SELECT count(*) FROM auditlog_auditseal WHERE number < 1)
"""

# How many rows are that old, whether there is any, how many there were, since when they are sealed.
WITHOUT_SEALS = f"""
SELECT (SELECT count(*) FROM auditlog_auditevent WHERE at < %(before)s),
    EXISTS (SELECT FROM auditlog_auditevent), ({ALLOTTED}),
    (SELECT applied FROM django_migrations WHERE app = 'auditlog' AND name = '0002_seals')
"""


@dataclass
class Verification:
    """What a verification saw: ``faults`` lists the first ``MOST_FAULTS`` of ``fault_count``."""

    head: Head | None = None
    against: Head | None = None  # which it was compared with, of those that are kept elsewhere
    seals: int = 0
    rows: int = 0
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0

    @property
    def sound(self) -> bool:
        return not self.fault_count

    def add(self, faults: Iterable[Fault]) -> set[int | None]:
        """Count and list them; the numbers of the seals that they are in."""
        seals = set()
        for fault in faults:
            self.fault_count += 1
            seals.add(fault.seal)
            if len(self.faults) < MOST_FAULTS:
                self.faults.append(fault)
        return seals


def verify_and_record(
    against: Head | None = None,
    unsealed_minutes: int = UNSEALED_MINUTES,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Verify the whole log, and say in it what came of that."""
    found = verify_whole(against, unsealed_minutes, progress)
    with transaction.atomic():
        record(
            AUDIT_VERIFIED,
            after={
                "head": vars(found.head) if found.head else None,
                "against": vars(found.against) if found.against else None,
                "seals": found.seals,
                "rows": found.rows,
                "fault_count": found.fault_count,
                "faults": [vars(fault) for fault in found.faults[:FAULTS_RECORDED]],
            },
        )
    return found


def verify_whole(
    against: Head | None = None,
    unsealed_minutes: int = UNSEALED_MINUTES,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Verify the whole log.

    It is compared also with the head that it was last found sound with and, where no other is
    given, with the one that was given the last time: what was found stays found until it fits.
    """
    told = verifications()
    return verify(
        against=against or next(filter(None, (one.against for one in told)), None),
        trusted=next((one.head for one in told if one.sound and one.head), None),
        unsealed_minutes=unsealed_minutes,
        progress=progress,
    )


@dataclass(frozen=True)
class Told:
    """What the log says about a verification of all of it; that the sealer didn't run aside."""

    event: int
    at: datetime
    head: Head | None
    against: Head | None
    faults: tuple[str, ...]
    fault_count: int

    @property
    def sound(self) -> bool:
        return not self.fault_count


def verifications() -> list[Told]:
    """What the log says about the verifications of all of it, the newest first."""
    return [
        told(event)
        for event in AuditEvent.objects.filter(action=AUDIT_VERIFIED).order_by("-at", "-id")
    ]


def told(event: AuditEvent) -> Told:
    said = event.after
    altered = [fault for fault in said["faults"] if fault["kind"] != Kind.UNSEALED]
    return Told(
        event=event.pk,
        at=event.at,
        head=Head(**said["head"]) if said["head"] else None,
        against=Head(**said["against"]) if said["against"] else None,
        faults=tuple(f"{Kind(fault['kind']).label}: {fault['text']}" for fault in altered),
        fault_count=said["fault_count"] - (len(said["faults"]) - len(altered)),
    )


def head() -> Head | None:
    """The newest seal; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, last_id, digest FROM auditlog_auditseal ORDER BY number DESC LIMIT 1"
        )
        found = cursor.fetchone()
    return Head(*found) if found else None


def verify(
    *,
    after: int = 0,
    against: Head | None = None,
    trusted: Head | None = None,
    unsealed_minutes: int | None = UNSEALED_MINUTES,
    most_rows: int | None = None,
    now: datetime | None = None,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Verify the log, or what came ``after`` the seal of that number, about ``most_rows`` of it.

    ``against`` is a head that was kept elsewhere, ``trusted`` the one that the log had when it was
    found sound. A row that is older than ``unsealed_minutes``
    must have been sealed; None asks for no such thing.
    """
    found = Verification(head=head(), against=against)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # How many ranges of ids there are is guessed too high, and compiling takes longer.
            cursor.execute("SET LOCAL jit = off")
        found.add(strays())
        if unsealed_minutes is not None:
            before = (now or timezone.now()) - timedelta(minutes=unsealed_minutes)
            found.add(unsealed(found.head, before))
        if found.head:
            verify_seals(found, after, found.head.number, most_rows, progress)
        if against:
            found.add(compared(against, found.head, "was kept elsewhere"))
        if trusted and trusted != against:
            found.add(compared(trusted, found.head, "was there when it was last found sound"))
    return found


def verify_seals(
    found: Verification, after: int, upto: int, most_rows: int | None, progress: Progress
) -> None:
    """Verify the seals of these numbers, ``after`` excluded, and their rows."""
    total, emptied = sealed_rows(after, upto)
    if emptied:
        text = f"the log is empty, and {total:,} of its rows were sealed"
        found.add([Fault(Kind.TRUNCATED, text)])
    while after < upto and (most_rows is None or found.rows < most_rows):
        last, rows, seals = one(
            NEXT, after=after, upto=upto, seals=SEALS_AT_ONCE, rows=ROWS_AT_ONCE
        )
        unreliable = found.add(broken_seals(after, last))
        if not emptied:
            found.add(changed_rows(after, last, unreliable))
        found.seals += seals
        found.rows += int(rows)
        after = last
        progress(found.rows, total)


def sealed_rows(after: int, upto: int) -> tuple[int, bool]:
    """How many rows these seals have, and whether there is not one row in the whole log."""
    total, some = one(
        """
        SELECT coalesce(sum(count), 0), EXISTS (SELECT FROM auditlog_auditevent)
        FROM auditlog_auditseal WHERE number > %(after)s AND number <= %(upto)s
        """,
        after=after,
        upto=upto,
    )
    return int(total), bool(total) and not some


def strays() -> Iterator[Fault]:
    """What stands outside of all seals and can't have been there when they were made."""
    below, above, seals = one(STRAYS)
    if below:
        yield Fault(Kind.ROW_INSERTED, f"{below:,} rows with an id below 1", None, "below 1")
    if above:
        yield Fault(
            Kind.ROW_INSERTED,
            f"{above:,} rows with an id that was never given to one",
            None,
            "above the last one given",
        )
    if seals:
        yield Fault(Kind.SEAL_INSERTED, f"{seals:,} seals with a number below 1")


def unsealed(newest: Head | None, before: datetime) -> Iterator[Fault]:
    """The rows from ``before`` that no seal up to the ``newest`` has."""
    if newest:
        count, first, last = one(
            UNSEALED, before=before, last_id=newest.last_id, number=newest.number
        )
        if count:
            yield Fault(
                Kind.UNSEALED,
                f"{count:,} rows older than {before:%Y-%m-%d %H:%M} UTC are in no seal up to the "
                f"last one, {newest.number}: the last seals are gone, or none is being made",
                None,
                in_words(((first, last),)),
            )
        return
    rows, some, allotted, since = one(WITHOUT_SEALS, before=before)
    if rows:
        yield Fault(
            Kind.UNSEALED,
            f"there is no seal, and {rows:,} rows are older than {before:%Y-%m-%d %H:%M} UTC: none "
            "was ever made, or all were removed",
        )
    elif allotted and not some and since < before:
        yield Fault(Kind.TRUNCATED, f"there is neither seal nor row, and there were {allotted:,}")


def compared(kept: Head, newest: Head | None, how: str) -> Iterator[Fault]:
    """How the log differs from a head that it had once; ``how`` that is known."""
    if newest is None or newest.number < kept.number:
        ends = f"at seal {newest.number}" if newest else "before the first seal"
        yield Fault(
            Kind.TRUNCATED,
            f"the log ends {ends}; seal {kept.number} {how}",
            kept.number,
        )
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT last_id, digest FROM auditlog_auditseal WHERE number = %s", [kept.number]
        )
        found = cursor.fetchall()
    if found != [(kept.last_id, kept.digest)]:
        yield Fault(
            Kind.ANOTHER_HISTORY,
            f"seal {kept.number} isn’t the one that {how}: the log up to it was rewritten and "
            "sealed anew",
            kept.number,
        )


def one(sql: str, **parameters: Any) -> Any:
    """The one row of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()
