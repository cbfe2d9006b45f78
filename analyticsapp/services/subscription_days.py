"""Recurring revenue by day: running sums of what moved, and of the spans that began and ended."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Min

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.models import MrrMovement, SubscriptionDay, SubscriptionSpan

STATUSES = ("active", "trialing", "past_due", "unpaid", "paused")
GAINS = ("new", "expansion", "reactivation")
LOSSES = ("contraction", "churn")
ORIGINS = {"from_invoices": "invoices", "assumed": "assumed"}
# What a day takes over from the day before.
STANDING = ("mrr_minor", "subscribers", *STATUSES, *ORIGINS)
# What happened on it.
MOVED = (
    "canceled",
    *(f"{kind}_{what}" for kind in (*GAINS, *LOSSES) for what in ("minor", "customers")),
)
SUMMED = (*STANDING, *MOVED)
# How it stood the day before, by its name here and there.
OPENING = {"opening_minor": "mrr_minor", "opening_customers": "subscribers"}
MEASURES = (*SUMMED, *OPENING)


def _columns(**given: str) -> str:
    return ", ".join(f"{given.get(name, '0')} AS {name}" for name in SUMMED)


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
COUNTED = {
    **{status: f"(status = '{status}')::int" for status in STATUSES},
    **{name: f"(origin = '{origin}')::int" for name, origin in ORIGINS.items()},
}
BEGUN = _columns(canceled="(status = 'canceled')::int", **COUNTED)
ENDED = _columns(**{name: f"-{count}" for name, count in COUNTED.items()})
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
    SELECT currency, n, {", ".join(f"sum({name})::bigint AS {name}" for name in SUMMED)}
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
levels AS (
    SELECT *, {
    ", ".join(f"coalesce(lag({of}) OVER so_far, 0) AS {name}" for name, of in OPENING.items())
}
    FROM running WINDOW so_far AS (PARTITION BY currency ORDER BY n)
),
fresh AS MATERIALIZED (
    SELECT %(first)s::date + n - 1 AS day, currency, {", ".join(MEASURES)}
    FROM levels WHERE n > 0
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
    given = parameters(Window(min(first, today), today), anew=since == date.min)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {**given, "since": since, "now": now})


def parameters(window: Window, *, anew: bool) -> dict[str, Any]:
    """What ``FRESH`` takes, to count these days: ``anew``, or upon what the day before came to."""
    starts = [bounds(day)[0] for day in window.days()]
    return {
        "before": None if anew else window.first - DAY,
        "first": window.first,
        "last": window.last,
        "days": len(window),
        "starts": starts,
        "start": starts[0],
        "end": bounds(window.last)[1],
    }


DIFFERING = f"""
WITH {FRESH}
SELECT DISTINCT ON (currency) currency, day,
    {", ".join(f"old.{name} AS is_{name}, fresh.{name} AS should_{name}" for name in MEASURES)}
FROM fresh FULL JOIN (
    SELECT * FROM {SubscriptionDay._meta.db_table} WHERE day <= %(last)s
) AS old USING (day, currency)
WHERE ({", ".join(f"old.{name}" for name in MEASURES)})
    IS DISTINCT FROM ({", ".join(f"fresh.{name}" for name in MEASURES)})
ORDER BY currency, day
"""


def differing(last: date) -> tuple[str, dict[str, Any]] | None:
    """SQL of the first day of each currency, up to ``last``, that isn't what counting all of them
    anew gives, each measure as it ``is`` and as it ``should`` be, with its parameters; None where
    nothing ever recurred."""
    days = [_first_day(), SubscriptionDay.objects.aggregate(first=Min("day"))["first"]]
    first = min((day for day in days if day), default=None)
    if first is None or first > last:
        return None
    return DIFFERING, parameters(Window(first, last), anew=True)


def _first_day() -> date | None:
    """The first day on which anything recurred, or a subscription began; two statements."""
    moved = MrrMovement.objects.aggregate(first=Min("day"))["first"]
    began = SubscriptionSpan.objects.aggregate(first=Min("starts_at"))["first"]
    days = [day for day in (moved, began and day_of(began)) if day]
    return min(days, default=None)
