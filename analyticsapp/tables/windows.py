"""How many customers bought within 7, 30 and 90 days, and in a month or quarter up to each of its
days: counted exactly, never summed from days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analyticsapp.days import DAY
from analyticsapp.models import WindowDay
from analyticsapp.tables.table import REACH, SnapshotTable

Span = WindowDay.Span
# The first day whose window no longer holds ``day``.
UNTIL = f"""
LATERAL (VALUES
    ('{Span.DAYS_7}', day + 7),
    ('{Span.DAYS_30}', day + 30),
    ('{Span.DAYS_90}', day + 90),
    ('{Span.MONTH}', (date_trunc('month', day::timestamp) + interval '1 month')::date),
    ('{Span.QUARTER}', (date_trunc('quarter', day::timestamp) + interval '3 months')::date)
) AS windows (span, until)
"""
# A purchase counts in the windows that end from its day on, until the day before the buyer's next
# one, which counts from then on: so each buyer counts once in each window. With one added where
# that begins and one taken away where it ends, the sum up to a day is the number of buyers. (Of
# two on one day the first one counts until that day, which is not at all.)
FRESH = f"""
WITH wide AS MATERIALIZED (
    SELECT %(wide_days)s::date[] AS days, %(wide_starts)s::timestamptz[] AS starts
),
bought AS MATERIALIZED (
    SELECT bought.id, bought.currency, coalesce(known.same_as_id, known.id) AS buyer,
        bought.paid_at, wide.days[width_bucket(bought.paid_at, wide.starts)] AS day
    FROM wide CROSS JOIN orders_order AS bought
    JOIN orders_customer AS known ON known.id = bought.customer_id
    WHERE bought.paid_at >= %(wide_start)s AND bought.paid_at < %(wide_end)s
),
steps AS MATERIALIZED (
    SELECT currency, day, next, count(*) AS customers
    FROM (
        SELECT currency, day, lead(day) OVER (PARTITION BY currency, buyer ORDER BY day) AS next
        FROM bought
    ) AS purchase
    GROUP BY currency, day, next
),
firsts AS MATERIALIZED (
    SELECT currency, day, count(*) AS customers
    FROM (
        SELECT DISTINCT ON (buyer) buyer, currency, day FROM bought ORDER BY buyer, paid_at, id
    ) AS earliest
    -- Each a join of its own: of the two as one, Postgres would compare every pair of rows.
    WHERE NOT EXISTS (
        SELECT FROM orders_order AS before
        WHERE before.customer_id = earliest.buyer AND before.paid_at < %(wide_start)s
    ) AND NOT EXISTS (
        SELECT FROM orders_customer AS guest
        JOIN orders_order AS before ON before.customer_id = guest.id
        WHERE guest.same_as_id = earliest.buyer AND before.paid_at < %(wide_start)s
    )
    GROUP BY currency, day
),
changes AS (
    SELECT currency, span, day, customers, 0 AS new_customers FROM steps CROSS JOIN {UNTIL}
    UNION ALL
    SELECT currency, span, least(next, until), -customers, 0 FROM steps CROSS JOIN {UNTIL}
    UNION ALL
    SELECT currency, span, day, 0, customers FROM firsts CROSS JOIN {UNTIL}
    UNION ALL
    SELECT currency, span, until, 0, -customers FROM firsts CROSS JOIN {UNTIL}
),
daily AS (
    SELECT currency, span, day, sum(customers) AS customers, sum(new_customers) AS new_customers
    FROM changes GROUP BY currency, span, day
)
SELECT last.day, daily.currency, daily.span,
    sum(daily.new_customers)::bigint AS new_customers,
    sum(daily.customers - daily.new_customers)::bigint AS returning_customers
FROM unnest(%(days)s::date[]) AS last (day) JOIN daily ON daily.day <= last.day
GROUP BY last.day, daily.currency, daily.span
HAVING sum(daily.customers) > 0
"""


@dataclass(frozen=True)
class WindowTable(SnapshotTable):
    """By the last day, the currency and the span of a window."""

    @property
    def fresh(self) -> str:
        return FRESH

    def touched(self, days: list[date], until: date) -> list[date]:
        """The last days, up to ``until``, of the windows that hold one of these days, in order."""
        last = {min(day, until) + n * DAY for day in days for n in range(REACH + 1)}
        return sorted(day for day in last if day <= until)


WINDOWS = WindowTable(
    model=WindowDay,
    keys=("currency", "span"),
    measures=("new_customers", "returning_customers"),
    sources=(),
)
