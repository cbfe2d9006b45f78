"""Recurring revenue over any days: how it stood, what moved it, and how long customers stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.db import connection
from django.db.models import Max, Min

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.kpis import Recurring
from analyticsapp.models import MrrMovement, SubscriptionDay, SubscriptionSpan
from analyticsapp.selectors.windows import WINDOWS, parameters

LATEST = 50
STANDING = (
    *("mrr_minor", "subscribers", "active", "trialing", "past_due", "unpaid", "paused"),
    *("from_invoices", "assumed"),
)
MOVED = (
    "canceled",
    *(
        f"{kind}_{what}"
        for kind in ("new", "expansion", "contraction", "churn", "reactivation")
        for what in ("minor", "customers")
    ),
)
DAYS = SubscriptionDay._meta.db_table
LEVELS = f"""
SELECT coalesce(opening.mrr_minor, 0) AS opening_minor,
    coalesce(opening.subscribers, 0) AS opening_customers,
    {", ".join(f"coalesce(closing.{name}, 0) AS {name}" for name in STANDING)},
    {", ".join(f"moved.{name}" for name in MOVED)}
FROM {WINDOWS}
LEFT JOIN LATERAL (
    SELECT * FROM {DAYS} WHERE currency = %(currency)s AND day < asked.first
    ORDER BY day DESC LIMIT 1
) AS opening ON true
LEFT JOIN LATERAL (
    SELECT * FROM {DAYS} WHERE currency = %(currency)s AND day <= asked.last
    ORDER BY day DESC LIMIT 1
) AS closing ON true
CROSS JOIN LATERAL (
    SELECT {", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in MOVED)}
    FROM {DAYS}
    WHERE currency = %(currency)s AND day BETWEEN asked.first AND asked.last
) AS moved
ORDER BY n
"""
# What the customers did who had something at the opening: before their first movement.
OF_OPENING = f"""
SELECT n,
    coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint,
    coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint,
    count(*) FILTER (WHERE is_last AND mrr_minor = 0)
FROM (
    SELECT n, amount_minor, mrr_minor,
        first_value(mrr_minor - amount_minor) OVER in_order AS opening_minor,
        lead(day) OVER in_order IS NULL AS is_last
    FROM {WINDOWS}
    JOIN {MrrMovement._meta.db_table} AS movement
        ON movement.currency = %(currency)s
        AND movement.day BETWEEN asked.first AND asked.last
    WINDOW in_order AS (PARTITION BY n, customer_id ORDER BY day)
) AS moved
WHERE opening_minor > 0
GROUP BY n
"""


def recurring(windows: Sequence[Window], currency: str) -> list[Recurring]:
    """What recurred in each window. Two queries, however many windows there are."""
    given = {**parameters(windows), "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(LEVELS, given)
        names = [column.name for column in cursor.description]
        levels = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        cursor.execute(OF_OPENING, given)
        of_opening = {n: numbers for n, *numbers in cursor.fetchall()}
    found = []
    for n, (window, level) in enumerate(zip(windows, levels, strict=True), 1):
        lost, regained, customers = of_opening.get(n, (0, 0, 0))
        found.append(
            Recurring(
                **level,
                lost_of_opening_minor=lost,
                regained_of_opening_minor=regained,
                lost_customers=customers,
                months=months_of(window),
            )
        )
    return found


def months_of(window: Window) -> Fraction:
    """How many months it lasts: whole calendar months as such, else 365/12 days each."""
    after = window.last + DAY
    if window.first.day == 1 and after.day == 1:
        return Fraction(_months_between(window.first, after))
    return Fraction(12 * len(window), 365)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def recurring_currencies() -> list[str]:
    """The currencies that anything recurs or recurred in, by their subscribers now. Two queries."""
    last = SubscriptionDay.objects.aggregate(last=Max("day"))["last"]
    rows = SubscriptionDay.objects.filter(day=last).order_by("-subscribers", "-active", "currency")
    return list(rows.values_list("currency", flat=True))


def first_recurring_day(currency: str) -> date | None:
    """The first day that a figure stands for; None where nothing ever recurred."""
    first: date | None = SubscriptionDay.objects.filter(currency=currency).aggregate(
        first=Min("day")
    )["first"]
    return first


@dataclass(frozen=True)
class Moved:
    """A movement, and the subscription that changed last on its day; empty if that isn't known."""

    movement: MrrMovement
    subscription_id: str


def latest_movements(window: Window, currency: str) -> list[Moved]:
    """The window's latest movements, at most ``LATEST``. Two queries."""
    found = list(
        MrrMovement.objects.filter(currency=currency, day__range=(window.first, window.last))
        .order_by("-day", "customer_id")
        .all()[:LATEST]
    )
    if not found:
        return []
    spans = SubscriptionSpan.objects.filter(
        customer_id__in={one.customer_id for one in found},
        currency=currency,
        starts_at__gte=bounds(found[-1].day)[0],
        starts_at__lt=bounds(found[0].day)[1],
    ).order_by("starts_at", "subscription_id")
    changed: Mapping[tuple[str, date], str] = {
        (customer, day_of(at)): subscription
        for customer, at, subscription in spans.values_list(
            "customer_id", "starts_at", "subscription_id"
        )
    }
    return [Moved(one, changed.get((one.customer_id, one.day), "")) for one in found]
