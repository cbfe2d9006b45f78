"""Locks on things that may have no row yet, held until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def lock_keys(keys: Iterable[str], *, of: str = "") -> None:
    """Wait for and hold an advisory lock on each key. One order for all, so nobody deadlocks.

    What was committed while waiting is visible to the statements that follow. There is room for
    some thousands (``max_locks_per_transaction``): who needs more of a kind locks the one key
    ``of`` which they all are, and of which the others hold a share, taken first.
    """
    wanted = sorted(set(keys))
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT count(
                    CASE WHEN share THEN pg_advisory_xact_lock_shared(hash)
                    ELSE pg_advisory_xact_lock(hash) END
                ) FROM (
                    SELECT DISTINCT key = %(of)s AS share, hashtextextended(key, 1) AS hash
                    FROM unnest(%(keys)s::text[]) AS wanted (key)
                    ORDER BY share DESC, hash
                ) AS hashes
                """,
                {"keys": [*wanted, of] if of else wanted, "of": of},
            )
