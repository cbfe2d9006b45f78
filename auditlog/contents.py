"""Verifying the rows: each against the digest that its seal has of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from django.db import connection

from auditlog.canonical import DIGEST_BYTES, ROW_DIGEST, ROWS_IN
from auditlog.faults import Fault, Kind
from auditlog.idranges import as_ranges, in_words, ranges_of

# A row that appears where a transaction had left none changes what the rows are together.
DIFFERENT = f"""
SELECT seal.number
FROM auditlog_auditseal AS seal
CROSS JOIN LATERAL (
    SELECT coalesce(string_agg({ROW_DIGEST}, ''::bytea ORDER BY event.id), '') AS row_digests
    FROM unnest(seal.ids + seal.void) AS accounted (ids)
    CROSS JOIN LATERAL ({ROWS_IN.format(ids="accounted.ids")}) AS event
) AS there
WHERE seal.number > %(after)s AND seal.number <= %(upto)s
  AND there.row_digests <> seal.row_digests
ORDER BY seal.number
"""

SEALED = "SELECT ids, row_digests FROM auditlog_auditseal WHERE number = %s"

THERE = f"""
SELECT event.id, {ROW_DIGEST}
FROM auditlog_auditseal AS seal
CROSS JOIN unnest(seal.ids + seal.void) AS accounted (ids)
CROSS JOIN LATERAL ({ROWS_IN.format(ids="accounted.ids")}) AS event
WHERE seal.number = %s
"""


def changed_rows(after: int, upto: int, unreliable: Collection[int | None]) -> Iterator[Fault]:
    """What is wrong with the rows of the seals of these numbers, ``after`` excluded.

    What an ``unreliable`` seal says of its rows is worth nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT, {"after": after, "upto": upto})
        different = [number for (number,) in cursor.fetchall()]
    for number in different:
        if number not in unreliable:
            yield from changed_rows_of(number)


def changed_rows_of(number: int) -> Iterator[Fault]:
    """What is wrong with the rows of one seal, row by row."""
    with connection.cursor() as cursor:
        cursor.execute(SEALED, [number])
        multirange, digests = cursor.fetchone()
        cursor.execute(THERE, [number])
        there = cursor.fetchall()
    ids = [one for first, last in as_ranges(multirange) for one in range(first, last + 1)]
    sealed = {
        one: bytes(digests[DIGEST_BYTES * place : DIGEST_BYTES * (place + 1)])
        for place, one in enumerate(ids)
    }
    found = dict(there)
    altered = [one for one in sealed.keys() & found.keys() if found[one] != sealed[one]]
    deleted = sealed.keys() - found.keys()
    inserted = set(found.keys() - sealed.keys())
    if len(there) > len(found):  # the primary key must have been dropped for that
        inserted |= {one for one, times in Counter(one for one, _ in there).items() if times > 1}
    for kind, which, what in (
        (Kind.ROW_ALTERED, altered, "not what was sealed"),
        (Kind.ROW_DELETED, deleted, "gone"),
        (Kind.ROW_INSERTED, inserted, "put where there was none"),
    ):
        if which:
            words = in_words(ranges_of(which))
            rows = "row" if len(which) == 1 else f"{len(which):,} rows"
            yield Fault(kind, f"{what}, in seal {number}: {rows} {words}", number, words)
