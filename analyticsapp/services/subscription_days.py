"""Recurring revenue by day: running sums of what moved, and of the spans that began and ended."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from django.db.models import Max, Min

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.models import MrrMovement, SubscriptionDay, SubscriptionSpan

STATUSES = ("active", "trialing", "past_due", "unpaid", "paused")
GAINS = ("new", "expansion", "reactivation")
LOSSES = ("contraction", "churn")
# What a day takes over from the day before.
STANDING = ("mrr_minor", "subscribers", *STATUSES)
# What happened on it.
MOVED = (
    "canceled",
    *(f"{kind}_{what}" for kind in (*GAINS, *LOSSES) for what in ("minor", "customers")),
)
MEASURES = (*STANDING, *MOVED)


def _columns(**given: str) -> str:
    return ", ".join(f"{given.get(name, '0')} AS {name}" for name in MEASURES)


def _of_kind(value: str, kind: str) -> str:
    return f"CASE kind WHEN '{kind}' THEN {value} ELSE 0 END"


MOVEMENTS = _columns(
    mrr_minor="amount_minor",
    subscribers="CASE WHEN kind IN ('new', 'reactivation') THEN 1 WHEN kind = 'churn' THEN -1 "
    "ELSE 0 END",
    **{f"{kind}_minor": _of_kind("amount_minor", kind) for kind in GAINS},
    **{f"{kind}_minor": _of_kind("-amount_minor", kind) for kind in LOSSES},
    **{f"{kind}_customers": _of_kind("1", kind) for kind in (*GAINS, *LOSSES)},
)
BEGUN = _columns(
    canceled="(status = 'canceled')::int",
    **{status: f"(status = '{status}')::int" for status in STATUSES},
)
ENDED = _columns(**{status: f"-(status = '{status}')::int" for status in STATUSES})
BEFORE = _columns(**{name: name for name in STANDING})
# A binary search puts each time into its day: n is the day's place, 0 the day before the first.
FRESH = f"""
facts AS (
    SELECT currency, 0 AS n, {BEFORE} FROM {SubscriptionDay._meta.db_table}
    WHERE day = %(before)s
    UNION ALL
    SELECT currency, day - %(first)s::date + 1, {MOVEMENTS} FROM {MrrMovement._meta.db_table}
    WHERE day BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT currency, width_bucket(starts_at, %(starts)s::timestamptz[]), {BEGUN}
    FROM {SubscriptionSpan._meta.db_table}
    WHERE starts_at >= %(start)s AND starts_at < %(end)s AND currency <> ''
    UNION ALL
    SELECT currency, width_bucket(ends_at, %(starts)s::timestamptz[]), {ENDED}
    FROM {SubscriptionSpan._meta.db_table}
    WHERE ends_at >= %(start)s AND ends_at < %(end)s AND currency <> ''
),
steps AS MATERIALIZED (
    SELECT currency, n, {", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)}
    FROM facts GROUP BY currency, n
),
days AS (
    SELECT currency, generate_series(min(n), %(days)s) AS n FROM steps GROUP BY currency
),
running AS (
    SELECT currency, n,
        {", ".join(f"sum({name}) OVER so_far AS {name}" for name in STANDING)},
        {", ".join(f"coalesce({name}, 0) AS {name}" for name in MOVED)}
    FROM days LEFT JOIN steps USING (currency, n)
    WINDOW so_far AS (PARTITION BY currency ORDER BY n)
),
fresh AS MATERIALIZED (
    SELECT %(first)s::date + n - 1 AS day, currency, {", ".join(MEASURES)}
    FROM running WHERE n > 0
)
"""
COUNT = f"""
WITH {FRESH},
vanished AS (
    DELETE FROM {SubscriptionDay._meta.db_table} AS old
    WHERE old.day >= %(since)s AND NOT EXISTS (
        SELECT FROM fresh WHERE fresh.day = old.day AND fresh.currency = old.currency
    )
)
INSERT INTO {SubscriptionDay._meta.db_table} AS old
    (day, currency, {", ".join(MEASURES)}, built_at)
SELECT day, currency, {", ".join(MEASURES)}, %(now)s FROM fresh
ON CONFLICT (day, currency) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in (*MEASURES, "built_at"))}
WHERE ({", ".join(f"old.{name}" for name in MEASURES)})
    IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in MEASURES)})
"""


def count(first: date | None, now: datetime) -> None:
    """Count the days from ``first`` to today anew, all of them for ``date.min``; None: nothing
    changed. Days since the last one that was counted are counted in any case.

    What an earlier day came to is built upon. At most four statements.
    """
    today = day_of(now)
    counted = SubscriptionDay.objects.aggregate(last=Max("day"))["last"]
    if counted is None:
        first = date.min
    elif first is None or first > counted + DAY:
        first = counted + DAY
    if first > today:
        return
    since = first
    if first == date.min:
        first = _first_day() or today
    window = Window(min(first, today), today)
    starts = [bounds(day)[0] for day in window.days()]
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT,
            {
                "since": since,
                "before": None if since == date.min else window.first - DAY,
                "first": window.first,
                "last": window.last,
                "days": len(window),
                "starts": starts,
                "start": starts[0],
                "end": bounds(window.last)[1],
                "now": now,
            },
        )


def _first_day() -> date | None:
    """The first day on which anything recurred, or a subscription began; two statements."""
    moved = MrrMovement.objects.aggregate(first=Min("day"))["first"]
    began = SubscriptionSpan.objects.aggregate(first=Min("starts_at"))["first"]
    days = [day for day in (moved, began and day_of(began)) if day]
    return min(days, default=None)
