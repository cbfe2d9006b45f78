"""Locks on things that may have no row yet, held until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def lock_keys(keys: Iterable[str]) -> None:
    """Wait for and hold an advisory lock on each key. One order for all, so nobody deadlocks.

    What was committed while waiting is visible to the statements that follow.
    """
    wanted = sorted(set(keys))
    if wanted:
        with connection.cursor() as cursor:
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
