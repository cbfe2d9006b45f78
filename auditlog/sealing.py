"""Sealing the audit log, beside those who write it: they never wait for it, nor for one another.

Ids are allotted in order but committed in any, so "all rows up to here" is nothing that a seal
could hold. It names ids instead. An id that was allotted and whose row isn't there yet either
belongs to a transaction that still runs, and is *pending*; or to one that was rolled back, and is
*void*: no row may ever appear there. To tell one from the other the sealer looks who holds the
lock that every ``INSERT`` takes before it draws its ids, and waits a moment for those to end. Where
one of them takes longer, what is missing stays pending for a later seal. Transaction numbers play
no part: they restart after a restore.
"""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from auditlog.canonical import GENESIS, ROW_DIGEST, ROWS_IN, SEAL_DIGEST

logger = logging.getLogger(__name__)

BATCH = 10_000
# How long a pass waits for transactions that were writing when it began.
PATIENCE = 2.0
POLL = 0.05
WRITTEN = re.compile(r"(?P<number>\d+):(?P<last_id>\d+):(?P<digest>[0-9a-f]{64})")
LOCK = 0x5EA1  # any number that no other advisory lock of ours uses

# The last id that was allotted, whatever became of it.
ALLOTTED = """
SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END
FROM auditlog_auditevent_id_seq
"""

# A transaction releases its locks after what it did has become visible to new snapshots.
WRITING = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation = 'auditlog_auditevent'::regclass
  AND pid IS DISTINCT FROM pg_backend_pid()
"""

# Where there are more rows than one seal takes, it accounts for the ids up to its last row.
SEAL = f"""
WITH previous AS (
    (SELECT number, digest, at, last_id, pending FROM auditlog_auditseal
     ORDER BY number DESC LIMIT 1)
    UNION ALL SELECT 0, '{GENESIS}', '-infinity', 0, '{{}}'
    ORDER BY number DESC LIMIT 1
), rows AS (
    (SELECT event.* FROM auditlog_auditevent AS event
     WHERE event.id > (SELECT last_id FROM previous) AND event.id <= %(allotted)s
     ORDER BY event.id LIMIT %(batch)s)
    UNION ALL
    SELECT event.* FROM previous
    CROSS JOIN unnest(previous.pending) AS late (ids)
    CROSS JOIN LATERAL ({ROWS_IN.format(ids="late.ids")}) AS event
    ORDER BY id LIMIT %(batch)s
), summary AS (
    SELECT count(*), coalesce(range_agg(int8range(event.id, event.id + 1)), '{{}}') AS ids,
        coalesce(string_agg({ROW_DIGEST}, ''::bytea ORDER BY event.id), '') AS row_digests,
        CASE WHEN count(*) = %(batch)s THEN max(event.id) ELSE %(allotted)s END AS upto
    FROM rows AS event
), reached AS (
    SELECT previous.*, greatest(previous.last_id, summary.upto) AS upto,
        int8multirange(int8range(0, greatest(least(%(ended)s, summary.upto), 0), '(]')) AS ended
    FROM previous, summary
), accounted AS (
    SELECT reached.*,
        pending + int8multirange(int8range(last_id, reached.upto, '(]')) - ids AS missing
    FROM reached, summary
), seal AS (
    SELECT number + 1 AS number, greatest(at, %(now)s) AS at, digest AS previous,
        accounted.upto AS last_id, ids, missing * ended AS void, missing - ended AS pending,
        count::integer AS count, row_digests
    FROM accounted, summary
)
INSERT INTO auditlog_auditseal
    (number, at, previous, last_id, ids, void, pending, count, row_digests, digest)
SELECT number, at, previous, last_id, ids, void, pending, count, row_digests, {SEAL_DIGEST}
FROM seal WHERE count > 0 OR NOT isempty(void)
RETURNING number, last_id, count, digest
"""


@dataclass(frozen=True)
class Head:
    """The newest seal: kept elsewhere, it proves later what the log was up to here."""

    number: int
    last_id: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.last_id}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head that was printed, as text or as JSON.

        Raises:
            ValueError: it is none.
        """
        if found := WRITTEN.fullmatch(text.strip()):
            return cls(int(found["number"]), int(found["last_id"]), found["digest"])
        try:
            read = json.loads(text)
            return cls(int(read["number"]), int(read["last_id"]), str(read["digest"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("neither a head (number:last id:digest) nor a file with one") from None


def seal(now: datetime | None = None, patience: float = PATIENCE) -> int:
    """Seal what can be sealed; how many rows that was.

    Waits ``patience`` seconds at most for others' transactions, and makes nobody wait. Where
    another is sealing there is nothing to do.
    """
    allotted, ended = settled(patience)
    sealed = 0
    while made := seal_batch(allotted, ended, now or timezone.now()):
        sealed += made
        if made < BATCH:
            break
    return sealed


def settled(patience: float) -> tuple[int, int]:
    """The last id allotted, and the last one up to which every transaction has ended, or 0 where
    one goes on for longer than ``patience`` seconds."""
    deadline = time.monotonic() + patience
    with connection.cursor() as cursor:
        cursor.execute(ALLOTTED)
        allotted: int = cursor.fetchone()[0]
        waiting_for: set[str] | None = None
        while True:
            cursor.execute(WRITING)
            writing = {holder for (holder,) in cursor.fetchall()}
            waiting_for = writing if waiting_for is None else waiting_for & writing
            if not waiting_for:
                return allotted, allotted
            if time.monotonic() >= deadline:
                return allotted, 0
            time.sleep(POLL)


def seal_batch(allotted: int, ended: int, now: datetime) -> int:
    """Make one seal; how many rows it has, 0 where there was nothing to seal."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(SEAL, {"allotted": allotted, "ended": ended, "now": now, "batch": BATCH})
        made = cursor.fetchone()
    if made is None:
        return 0
    number, last_id, count, digest = made
    # Where logs are kept elsewhere, so is the head.
    logger.info("Sealed %s rows of the audit log: %s", count, Head(number, last_id, digest))
    return int(count)
