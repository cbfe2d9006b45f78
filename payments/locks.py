"""Locks on things that may have no row yet, held until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def lock_keys(keys: Iterable[str], *, of: str = "") -> None:
    """Wait for and hold an advisory lock on each key. One order for all, so nobody deadlocks.

    What was committed while waiting is visible to the statements that follow. There is room for
    some thousands (``max_locks_per_transaction``): who needs more of a kind locks the key ``of``
    that they are all of, of which the others hold a share.
    """
    wanted = sorted(set(keys))
    if wanted:
        with connection.cursor() as cursor:
            if of:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 1))", [of])
            cursor.execute(
                """
                SELECT count(pg_advisory_xact_lock(hash)) FROM (
                    SELECT DISTINCT hashtextextended(key, 1) AS hash
                    FROM unnest(%s::text[]) AS wanted (key)
                    ORDER BY hash
                ) AS hashes
                """,
                [wanted],
            )
