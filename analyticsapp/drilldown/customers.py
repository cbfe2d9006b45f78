"""The people who bought: a row each, however often they did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Drilldown, Part, in_period
from analyticsapp.kpis import KPIS, Buyers, Kpi, Unit, Value
from analyticsapp.selectors.customers import buyers


def people(where: str = "") -> str:
    """SQL of the distinct customers of the orders paid in the period, by their first one in it."""
    return f"""
SELECT at, buyer::text AS key, 'customer' AS kind, 'orders.customer' AS model,
    buyer::text AS object_id, 'customer ' || buyer AS label,
    orders || CASE orders WHEN 1 THEN ' order' ELSE ' orders' END AS detail, 1 AS amount
FROM (
    SELECT coalesce(known.same_as_id, known.id) AS buyer, min(paid.paid_at) AS at,
        count(*) AS orders
    FROM orders_order AS paid JOIN orders_customer AS known ON known.id = paid.customer_id
    WHERE {in_period("paid.paid_at")} AND paid.currency = %(currency)s
    GROUP BY 1
) AS bought {where}
"""


# The first purchase ever: by time, then by the order, as the windows have it. An index leads from
# the customer to its orders.
FIRST_EVER = """
CROSS JOIN LATERAL (
    SELECT ever.paid_at, ever.currency FROM orders_order AS ever
    WHERE ever.paid_at IS NOT NULL AND ever.customer_id IN (
        SELECT bought.buyer UNION ALL SELECT id FROM orders_customer WHERE same_as_id = bought.buyer
    )
    ORDER BY ever.paid_at, ever.id LIMIT 1
) AS first_ever
"""
NEW = "(first_ever.paid_at >= %(start)s AND first_ever.currency = %(currency)s)"

ALL = Part("Customers who bought", Unit.COUNT, people())
FIRST = Part(
    "Customers whose first purchase ever it was",
    Unit.COUNT,
    people(f"{FIRST_EVER} WHERE {NEW}"),
)
AGAIN = Part(
    "Customers who had bought before",
    Unit.COUNT,
    people(f"{FIRST_EVER} WHERE NOT {NEW}"),
)


def figures_of(kpi: Kpi[Buyers]) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI: None for days that no window has."""
    return lambda windows, currency: [
        kpi.compute(one) if one else None for one in buyers(windows, currency)
    ]


CUSTOMERS = tuple(
    Drilldown(kpi=KPIS[key], parts=parts, figures=figures_of(KPIS[key]), additive=False)
    for key, parts in {
        "customers": (ALL,),
        "new_customers": (FIRST,),
        "returning_customers": (AGAIN,),
        "repeat_rate": (AGAIN, ALL),
    }.items()
)
