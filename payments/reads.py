"""Wishes for reads through the API; ``payments.reading`` fulfils them outside any transaction."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def request(wanted: Iterable[tuple[str, str]]) -> int:
    """Ask for reads by ``(kind, key)`` (see ``ReadRequest``); return how many were asked for.

    One that is waiting already is counted up, so that a read that is under way, and may be older
    than the wish, doesn't count as its answer.
    """
    rows = sorted(set(wanted))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO payments_readrequest
                    (kind, key, requested, attempts, not_before, error, created_at)
                SELECT kind, key, 1, 0, now(), '', now()
                FROM unnest(%s::text[], %s::text[]) AS wanted (kind, key)
                ON CONFLICT (kind, key) DO UPDATE
                    SET requested = payments_readrequest.requested + 1
                """,
                [[kind for kind, _ in rows], [key for _, key in rows]],
            )
    return len(rows)
