"""Verifying the seals: each by itself, and each against the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.db import connection

from auditlog.canonical import DIGEST_BYTES, GENESIS, SEAL_DIGEST
from auditlog.faults import Fault, Kind
from auditlog.idranges import in_words

# Seals that are not as they were made, or don't follow the one before.
BROKEN = f"""
SELECT seal.number, seal.digest = {SEAL_DIGEST} AS intact, seal.previous,
    coalesce(before.digest, '{GENESIS}') AS should_be,
    (SELECT max(number) FROM auditlog_auditseal WHERE number < seal.number) AS below
FROM auditlog_auditseal AS seal
LEFT JOIN auditlog_auditseal AS before
    ON before.number = seal.number - 1 AND seal.number > 1
WHERE seal.number > %(after)s AND seal.number <= %(upto)s AND (
    seal.digest <> {SEAL_DIGEST}
    OR seal.previous <> coalesce(before.digest, '{GENESIS}')
    -- Only who makes seals instead of the sealer can be wrong in these:
    OR (before.number IS NULL AND seal.number > 1)
    OR seal.at < before.at
    OR seal.ids + seal.void + seal.pending
        <> coalesce(before.pending, '{{}}')
        + int8multirange(int8range(coalesce(before.last_id, 0), seal.last_id, '(]'))
    OR seal.ids && seal.void OR seal.ids && seal.pending OR seal.void && seal.pending
    OR length(seal.row_digests) <> seal.count * {DIGEST_BYTES}
    OR seal.count <> (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(seal.ids) AS r)
)
ORDER BY seal.number
"""

# The seals whose digest is what others say that the seal before them had.
BEFORE_THEM = """
SELECT later.number, before.number
FROM unnest(%(numbers)s::bigint[], %(previous)s::text[]) AS later (number, previous)
JOIN auditlog_auditseal AS before ON before.digest = later.previous
"""

# The primary key must have been dropped for that.
TWICE = """
SELECT number FROM auditlog_auditseal WHERE number > %(after)s AND number <= %(upto)s
GROUP BY number HAVING count(*) > 1
"""


def broken_seals(after: int, upto: int) -> Iterator[Fault]:
    """What is wrong with the seals of these numbers, ``after`` excluded."""
    between = {"after": after, "upto": upto}
    with connection.cursor() as cursor:
        cursor.execute(TWICE, between)
        twice = [number for (number,) in cursor.fetchall()]
        cursor.execute(BROKEN, between)
        broken = cursor.fetchall()
    for number in twice:
        yield Fault(Kind.SEAL_INSERTED, f"there is more than one seal {number}", number)
    moved_from = before_them(
        {number: previous for number, intact, previous, *_ in broken if not intact}
    )
    for number, intact, previous, should_be, below in broken:
        if number > 1 and below != number - 1:
            gone = in_words((((below or 0) + 1, number - 1),))
            yield Fault(Kind.SEAL_DELETED, f"no seal {gone} before seal {number}", number)
        stood_after = moved_from.get(number, number - 1)
        if not intact and stood_after != number - 1:
            yield Fault(
                Kind.SEAL_REORDERED,
                f"seal {number} is the one that was made after what is now seal {stood_after}",
                number,
            )
        elif not intact:
            yield Fault(Kind.SEAL_ALTERED, f"seal {number} isn’t what was sealed", number)
        elif previous != should_be and below == number - 1:
            yield Fault(
                Kind.CHAIN_BROKEN,
                f"seal {number} was made after another seal {number - 1} than the one there is",
                number,
            )
        elif below == number - 1 or number == 1:
            yield Fault(
                Kind.CHAIN_BROKEN,
                f"seal {number} doesn’t go on where the one before ended",
                number,
            )


def before_them(previous: Mapping[int, str]) -> dict[int, int]:
    """By number of a seal, the number of the one whose digest it has for the one before."""
    if not previous:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            BEFORE_THEM, {"numbers": list(previous), "previous": list(previous.values())}
        )
        return dict(cursor.fetchall())
