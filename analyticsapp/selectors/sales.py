"""What the snapshots of sales add up to over any days, and the currencies that they are in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Sum

from analyticsapp.days import Window, day_of
from analyticsapp.kpis import TOTALS, Totals
from analyticsapp.models import DaySnapshot

LATELY = 180  # days
SUMS = f"""
SELECT {", ".join(f"coalesce(sum({name}), 0)::bigint" for name in TOTALS)}
FROM unnest(%(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY AS window_of (first, last, n)
LEFT JOIN {DaySnapshot._meta.db_table} AS day
    ON day.currency = %(currency)s AND day.day BETWEEN window_of.first AND window_of.last
GROUP BY n ORDER BY n
"""


def totals(windows: Sequence[Window], currency: str) -> list[Totals]:
    """What the days of each window add up to. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            SUMS,
            {
                "firsts": [window.first for window in windows],
                "lasts": [window.last for window in windows],
                "currency": currency,
            },
        )
        return [Totals(*numbers) for numbers in cursor.fetchall()]


def currencies(now: datetime) -> list[str]:
    """Currencies by number of payments and orders of the last half year; of all time if there are
    none. At most two queries."""
    snapshots = DaySnapshot.objects.order_by()
    since = Window.ending(day_of(now), LATELY).first
    for rows in (snapshots.filter(day__gte=since), snapshots):
        found = rows.values("currency").annotate(busy=Sum("payments") + Sum("orders"))
        if names := [row["currency"] for row in found.order_by("-busy", "currency")]:
            return names
    return []


def busiest(now: datetime) -> str:
    """The currency in which most is sold; empty while nothing is."""
    return next(iter(currencies(now)), "")
