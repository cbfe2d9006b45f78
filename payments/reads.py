"""Wishes for reads through the API; ``payments.reading`` fulfils them outside any transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.utils import timezone

# The Checkout sessions and invoice payments of a payment intent.
ORIGIN = "payment_intent.origin"


def request(
    wanted: Iterable[tuple[str, str]], *, not_before: Mapping[str, datetime] | None = None
) -> int:
    """Ask for reads by ``(kind, key)`` (see ``ReadRequest``); return how many were asked for.

    They are due now, or from the time on that ``not_before`` says for their key. One that is
    waiting already is counted up, so that a read that is under way, and may be older than the wish,
    doesn't count as its answer.
    """
    rows = sorted(set(wanted))
    if rows:
        now = timezone.now()
        due = not_before or {}
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO payments_readrequest
                    (kind, key, requested, attempts, not_before, error, created_at)
                SELECT kind, key, 1, 0, due, '', now()
                FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS wanted (kind, key, due)
                ON CONFLICT (kind, key) DO UPDATE
                    SET requested = payments_readrequest.requested + 1
                """,
                [
                    [kind for kind, _ in rows],
                    [key for _, key in rows],
                    [due.get(key, now) for _, key in rows],
                ],
            )
    return len(rows)


def hurry() -> None:
    """Make the reads that were put off due now: nothing more will be heard that spares them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payments_readrequest SET not_before = %s WHERE attempts = 0", [timezone.now()]
        )
