"""What is left of each cohort of subscribers, by month: running sums of what moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analyticsapp.models import CohortMonth, MrrMovement
from analyticsapp.tables.table import SnapshotTable

MEASURES = ("customers", "retained", "started_minor", "gross_minor", "net_minor")
# What happened between two given months counts from the later one on, so that any months can be
# counted by themselves. Each customer has one movement that is new, in each currency.
FRESH = f"""
WITH given AS MATERIALIZED (
    SELECT coalesce(array_agg(day ORDER BY day), '{{}}') AS months,
        (max(day) + interval '1 month')::date AS until
    FROM unnest(%(days)s::date[]) AS day WHERE extract(day FROM day) = 1
),
moved AS (
    SELECT currency, date_trunc('month', began.day::timestamp)::date AS cohort, place.n,
        count(*) FILTER (WHERE moved.kind = 'new') AS customers,
        count(*) FILTER (WHERE moved.kind IN ('new', 'reactivation'))
            - count(*) FILTER (WHERE moved.kind = 'churn') AS retained,
        sum(moved.amount_minor) FILTER (WHERE moved.kind = 'new') AS started_minor,
        sum(least(moved.mrr_minor, began.amount_minor)
            - least(moved.mrr_minor - moved.amount_minor, began.amount_minor)) AS gross_minor,
        sum(moved.amount_minor) AS net_minor
    FROM given CROSS JOIN {MrrMovement._meta.db_table} AS moved
    JOIN {MrrMovement._meta.db_table} AS began USING (customer_id, currency)
    CROSS JOIN LATERAL (
        SELECT width_bucket(date_trunc('month', moved.day::timestamp)::date - 1, given.months) + 1
            AS n
    ) AS place
    WHERE moved.day < given.until AND began.kind = 'new'
    GROUP BY currency, cohort, place.n
),
cohorts AS (SELECT currency, cohort, min(n) AS first FROM moved GROUP BY currency, cohort)
SELECT given.months[n] AS day, currency, cohort,
    {", ".join(f"coalesce(sum({name}) OVER so_far, 0)::bigint AS {name}" for name in MEASURES)}
FROM given CROSS JOIN cohorts
CROSS JOIN LATERAL generate_series(cohorts.first, cardinality(given.months)) AS n
LEFT JOIN moved USING (currency, cohort, n)
WINDOW so_far AS (PARTITION BY currency, cohort ORDER BY n)
"""


@dataclass(frozen=True)
class CohortTable(SnapshotTable):
    """By month and cohort; a month's rows stand under its first day."""

    @property
    def fresh(self) -> str:
        return FRESH

    def touched(self, days: list[date], until: date) -> list[date]:
        """The first days of the months that these days are in, in order."""
        return sorted({day.replace(day=1) for day in days})


COHORTS = CohortTable(
    model=CohortMonth,
    keys=("currency", "cohort"),
    measures=MEASURES,
    sources=(),
    adds_up=False,
)
