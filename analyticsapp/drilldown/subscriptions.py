"""The rows of the subscriptions ledger: what stood at a day's end, and what moved MRR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Drilldown, Part, in_period
from analyticsapp.kpis import KPIS, Kpi, Recurring, Unit, Value
from analyticsapp.selectors.subscriptions import months_of, recurring

SPANS = "analyticsapp_subscriptionspan"
MOVEMENTS = "analyticsapp_mrrmovement"


def standing(when: str, amount: str, where: str) -> str:
    """SQL of the subscriptions as they stand at the period's ``start`` or ``end``."""
    return f"""
SELECT starts_at AS at, subscription_id AS key, status AS kind, 'payments.subscription' AS model,
    subscription_id AS object_id, subscription_id AS label, 'of ' || customer_id AS detail,
    {amount} AS amount
FROM {SPANS}
WHERE currency = %(currency)s AND starts_at < %({when})s
    AND (ends_at IS NULL OR ends_at >= %({when})s) AND {where}
"""


def subscribers(when: str) -> str:
    """SQL of the customers who have MRR then, each by its subscription that changed last."""
    return f"""
SELECT DISTINCT ON (customer_id) starts_at AS at, customer_id AS key, 'customer' AS kind,
    'payments.subscription' AS model, subscription_id AS object_id, customer_id AS label,
    subscription_id AS detail, 1 AS amount
FROM {SPANS}
WHERE currency = %(currency)s AND starts_at < %({when})s
    AND (ends_at IS NULL OR ends_at >= %({when})s) AND mrr_minor > 0
ORDER BY customer_id, starts_at DESC, subscription_id
"""


def canceled() -> str:
    """SQL of the subscriptions that ended in the period."""
    return f"""
SELECT starts_at AS at, subscription_id AS key, status AS kind, 'payments.subscription' AS model,
    subscription_id AS object_id, subscription_id AS label, 'of ' || customer_id AS detail,
    1 AS amount
FROM {SPANS}
WHERE currency = %(currency)s AND {in_period("starts_at")}
    AND status = 'canceled'
"""


def moved(amount: str, where: str) -> str:
    """SQL of the period's movements, each at the time of the last change on its day.

    ``where`` knows the customer's MRR at the opening (``opening_minor``), and whether this is the
    customer's last movement of the period (``is_last``).
    """
    return f"""
SELECT coalesce(changed.starts_at, of_day.starts) AS at, customer_id AS key, kind,
    'payments.subscription' AS model, coalesce(changed.subscription_id, '') AS object_id,
    coalesce(changed.subscription_id, customer_id) AS label, 'of ' || customer_id AS detail,
    {amount} AS amount
FROM (
    SELECT *, first_value(mrr_minor - amount_minor) OVER in_order AS opening_minor,
        lead(day) OVER in_order IS NULL AS is_last
    FROM {MOVEMENTS}
    WHERE currency = %(currency)s AND day BETWEEN %(first)s AND %(last)s
    WINDOW in_order AS (PARTITION BY customer_id ORDER BY day)
) AS movement
JOIN unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS of_day (day, starts, ends) USING (day)
LEFT JOIN LATERAL (
    SELECT span.starts_at, span.subscription_id FROM {SPANS} AS span
    WHERE span.customer_id = movement.customer_id AND span.currency = movement.currency
        AND span.starts_at >= of_day.starts AND span.starts_at < of_day.ends
    ORDER BY span.starts_at DESC, span.subscription_id DESC LIMIT 1
) AS changed ON true
WHERE {where}
"""


LOST = "kind IN ('churn', 'contraction')"
MRR = Part("Subscriptions and their MRR", Unit.MONEY, standing("end", "mrr_minor", "mrr_minor > 0"))
OPENING = Part(
    "Subscriptions at the opening", Unit.MONEY, standing("start", "mrr_minor", "mrr_minor > 0")
)
SUBSCRIBERS = Part("Subscribers", Unit.COUNT, subscribers("end"))
AT_OPENING = Part("Subscribers at the opening", Unit.COUNT, subscribers("start"))
LEFT = Part(
    "Subscribers of the opening who left",
    Unit.COUNT,
    moved("1", "is_last AND mrr_minor = 0 AND opening_minor > 0"),
)
BY_STATUS = ("active", "trialing", "past_due", "unpaid", "paused")
PARTS: dict[str, tuple[Part, ...]] = {
    "mrr": (MRR,),
    "arr": (
        Part(
            "Subscriptions and their ARR",
            Unit.MONEY,
            standing("end", "12 * mrr_minor", "mrr_minor > 0"),
        ),
    ),
    "subscribers": (SUBSCRIBERS,),
    "arpa": (MRR, SUBSCRIBERS),
    **{
        f"{status}_subscriptions": (
            Part("Subscriptions", Unit.COUNT, standing("end", "1", f"status = '{status}'")),
        )
        for status in BY_STATUS
    },
    "canceled_subscriptions": (Part("Subscriptions that ended", Unit.COUNT, canceled()),),
    **{
        f"mrr_{kind}": (
            Part("Movements", Unit.MONEY, moved("abs(amount_minor)", f"kind = '{kind}'")),
        )
        for kind in ("new", "expansion", "contraction", "churn", "reactivation")
    },
    "net_new_mrr": (Part("Movements", Unit.MONEY, moved("amount_minor", "true")),),
    "gross_mrr_churn": (
        Part(
            "Lost by customers of the opening",
            Unit.MONEY,
            moved("-amount_minor", f"{LOST} AND opening_minor > 0"),
        ),
        OPENING,
    ),
    "net_mrr_churn": (
        Part(
            "Lost by customers of the opening, less what they added",
            Unit.MONEY,
            moved("-amount_minor", "opening_minor > 0"),
        ),
        OPENING,
    ),
    "customer_churn": (LEFT, AT_OPENING),
    "quick_ratio": (
        Part("What came", Unit.MONEY, moved("amount_minor", f"NOT {LOST}")),
        Part("What went", Unit.MONEY, moved("-amount_minor", LOST)),
    ),
    "ltv": (MRR, SUBSCRIBERS, LEFT, AT_OPENING),
}
# How these stand at the end of the last day, whatever happened before.
STANDING = {"mrr", "arr", "subscribers", "arpa"} | {
    f"{status}_subscriptions" for status in BY_STATUS
}


def lifetime_value(sums: Sequence[int], window: Window) -> Value | None:
    """ARPA ÷ the churn rate of one month, from the four sums."""
    mrr, customers, left, opening = sums
    if not (customers and left):
        return None
    return Fraction(mrr, customers) / (Fraction(left, opening) / months_of(window))


def figures_of(kpi: Kpi[Recurring]) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI: from the snapshots."""
    return lambda windows, currency: [kpi.compute(one) for one in recurring(windows, currency)]


SUBSCRIPTIONS = tuple(
    Drilldown(
        kpi=KPIS[key],
        parts=parts,
        figures=figures_of(KPIS[key]),
        standing=key in STANDING,
        combine=lifetime_value if key == "ltv" else None,
    )
    for key, parts in PARTS.items()
)
