"""The customers behind what is left of a cohort of subscribers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date

from analyticsapp.addresses import month_query, rows_of
from analyticsapp.days import DAY, Window, bounds, months_later
from analyticsapp.drilldown.rows import Drilldown, Part
from analyticsapp.kpis import COHORTS, KPIS, Cohort, Kpi, Unit, Value
from analyticsapp.selectors.cohorts import cohort_in

NAME = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


def customers(cohort: date, amount: str, where: str = "true") -> str:
    """SQL of the customers who began in the month, with what each brings when the period ends.

    A movement has a day, no time: the day begins at the time that is written in here.
    """
    days = Window(cohort, months_later(cohort, 1) - DAY).days()
    starts = ", ".join(f"'{bounds(day)[0].isoformat()}'" for day in days)
    return f"""
SELECT (ARRAY[{starts}]::timestamptz[])[day - '{cohort}'::date + 1] AS at, customer_id AS key,
    'customer' AS kind, 'payments.customer' AS model, customer_id AS object_id,
    customer_id AS label, '' AS detail, {amount} AS amount
FROM (
    SELECT began.customer_id, began.day, began.amount_minor AS began, coalesce((
        SELECT sum(mrr_minor) FROM analyticsapp_subscriptionspan AS span
        WHERE span.customer_id = began.customer_id AND span.currency = began.currency
            AND starts_at < %(end)s AND (ends_at IS NULL OR ends_at >= %(end)s)
    ), 0)::bigint AS now
    FROM analyticsapp_mrrmovement AS began
    WHERE kind = 'new' AND currency = %(currency)s AND day >= '{cohort}'::date
        AND day < '{cohort}'::date + interval '1 month' AND day <= %(last)s
) AS member
WHERE {where}
"""


def parts_of(key: str, cohort: date) -> tuple[Part, Part]:
    """What is left, and what it is a share of."""
    everyone = Part("Customers of the cohort", Unit.COUNT, customers(cohort, "1"))
    started = Part("What each began with", Unit.MONEY, customers(cohort, "began"))
    return {
        "customer_retention": (
            Part("Those with MRR", Unit.COUNT, customers(cohort, "1", "now > 0")),
            everyone,
        ),
        "gross_mrr_retention": (
            Part(
                "MRR, of each at most what it began with",
                Unit.MONEY,
                customers(cohort, "least(now, began)", "now > 0"),
            ),
            started,
        ),
        "net_mrr_retention": (
            Part("MRR", Unit.MONEY, customers(cohort, "now", "now > 0")),
            started,
        ),
    }[key]


def figures_of(
    kpi: Kpi[Cohort], cohort: date
) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI, of the month in which each window ends."""
    return lambda windows, currency: [
        kpi.compute(one) for one in cohort_in(currency, cohort, [window.last for window in windows])
    ]


def of_cohort(key: str, name: str) -> Drilldown | None:
    """A figure of the cohort of one month, such as ``2026-05``; None where there is no such."""
    found = NAME.fullmatch(name)
    kpi = KPIS.get(key)
    if not found or kpi not in COHORTS:
        return None
    cohort = date(int(found[1]), int(found[2]), 1)
    return Drilldown(
        kpi=KPIS[key],
        parts=parts_of(key, cohort),
        figures=figures_of(KPIS[key], cohort),
        about=f"Customers who began in {cohort:%B %Y}",
        named={"cohort": name},
        standing=True,
    )


def rows_of_cohort(kpi: Kpi[Cohort], cohort: date, month: date, currency: str) -> str:
    """The address of the rows behind what was left of a cohort when a month ended."""
    return rows_of(kpi.key, month_query(month), currency, {"cohort": f"{cohort:%Y-%m}"})
