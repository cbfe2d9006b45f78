"""Checks of the figures that pages show: they are what the rows that they sum come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings

from analyticsapp.days import DAY, day_of
from analyticsapp.models import DirtySubscriber, MrrMovement, SnapshotState, SubscriptionDay
from analyticsapp.services import subscription_days
from analyticsapp.services.snapshots import chunks, recorded
from analyticsapp.subscriptions.conventions import conventions
from analyticsapp.tables import TABLES, SnapshotTable
from analyticsapp.tables.table import REACH, Statement
from monitoring.models import Kind, Severity
from monitoring.registry import (
    EVERYTHING,
    WHOLE,
    Area,
    Finding,
    amount,
    check,
    label,
    moment,
    reference,
    rows,
)
from payments.models import Customer, Subscription
from payments.money import format_money

# The refresh runs each minute.
REFRESHED_WITHIN = timedelta(minutes=15)
DAYS_A_STATEMENT = 400
SHOWN = 10


def current_state() -> SnapshotState | None:
    """The state of the snapshots, while they are of the day's bounds that hold now."""
    state = SnapshotState.objects.exclude(refreshed_at=None).first()
    return state if state and state.time_zone == settings.REPORTING_TIME_ZONE else None


def settled(table: SnapshotTable, days: Sequence[date]) -> Statement:
    """The query for the differences of a table, less those that its next refresh brings up to date.

    The days that wait for it are read by the same statement: whoever changes rows marks their days
    in one transaction, and the refresh counts days and empties the log in one.
    """
    any_day = date(2000, 1, 1)
    until = any_day + REACH * DAY
    reach = (table.touched([any_day], until)[-1] - any_day).days
    differing, parameters = table.differing(days)
    sql = f"""
SELECT * FROM ({differing}) AS difference
WHERE NOT EXISTS (
    SELECT FROM analyticsapp_dirtyday AS dirty
    WHERE dirty.day BETWEEN difference.day - {reach} AND difference.day
)
ORDER BY {", ".join(table.columns)}
"""
    return sql, parameters


def differences(table: SnapshotTable, days: Sequence[date]) -> Iterator[dict[str, Any]]:
    """The rows of the table that differ from what they sum on these days."""
    for part in chunks(list(days), DAYS_A_STATEMENT):
        yield from rows(*settled(table, part))


def counted(state: SnapshotState, table: SnapshotTable) -> tuple[list[date], list[date]]:
    """The days that the last refresh covered: those that have rows in the table, and the others."""
    assert state.refreshed_at is not None  # see current_state
    last = day_of(state.refreshed_at)
    there = set(table.model._default_manager.order_by().values_list("day", flat=True).distinct())
    days = [day for day in recorded(state.refreshed_at) if day <= last]
    return [day for day in days if day in there], [day for day in days if day not in there]


def money_in(table: SnapshotTable) -> list[str]:
    """The measures that are amounts, the main one first."""
    return [name for name in table.measures if name.endswith("_minor")]


@check(
    name="snapshot_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SALES, Area.PRODUCTS, Area.SETTLEMENT),
    meaning="A day’s figure isn’t what the payments, orders or balance transactions of that day "
    "come to. Pages and exports show the wrong one.",
    remedy="Count the day anew: `manage.py build_snapshots --all`, or `--days N` for the last "
    "ones. If it comes back, a change to rows doesn’t mark its day: report that.",
    remedies=("rebuild_day",),
)
def snapshot_mismatch(now: datetime) -> Iterator[Finding]:
    state = current_state()
    if state is None:
        return
    for table in TABLES:
        there, _ = counted(state, table)
        for row in differences(table, there):
            yield mismatch(table, row)


def mismatch(table: SnapshotTable, row: dict[str, Any]) -> Finding:
    currency = row["currency"]
    off = {name: (row[f"should_{name}"] or 0) - (row[f"is_{name}"] or 0) for name in table.measures}
    wrong = [name for name in table.measures if off[name]]
    in_money = [name for name in money_in(table) if off[name]]
    keys = " ".join(str(row[name]) for name in table.columns)
    evidence: dict[str, Any] = {name: str(row[name]) for name in table.columns}
    for name in wrong:
        words = name.removesuffix("_minor").replace("_", " ")
        for told, key in (("says", f"is_{name}"), ("comes to", f"should_{name}")):
            value = row[key] or 0
            evidence[f"{words} {told}"] = amount(value, currency) if name in in_money else value
    worst = max((abs(off[name]) for name in in_money), default=None)
    by = f", by {format_money(worst, currency)}" if worst is not None else ""
    return Finding(
        subject_type=label(table.model),
        subject_id=keys,
        summary=f"The {table.model._meta.verbose_name} of {keys} isn’t what its rows come to{by}",
        evidence=evidence,
        amount_minor=worst,
        currency=currency if worst is not None else "",
    )


@check(
    name="snapshot_days_missing",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SALES, Area.PRODUCTS, Area.SETTLEMENT),
    meaning="Days have payments, orders or balance transactions, and no figures. Pages show "
    "nothing where there was something.",
    remedy="Count them: `manage.py build_snapshots --all`.",
)
def snapshot_days_missing(now: datetime) -> Iterator[Finding]:
    """One finding a table: that it wasn't built is one problem, however many days it lacks."""
    state = current_state()
    if state is None:
        return
    for table in TABLES:
        _, absent = counted(state, table)
        days: set[date] = set()
        sums: dict[str, int] = {}
        main = money_in(table)[:1] if table.adds_up else []
        for row in differences(table, absent):
            days.add(row["day"])
            for name in main:
                sums[row["currency"]] = sums.get(row["currency"], 0) + row[f"should_{name}"]
        if not days:
            continue
        currency, total = next(iter(sums.items())) if len(sums) == 1 else ("", None)
        shown = sorted(days)
        yield Finding(
            subject_type=label(table.model),
            subject_id=WHOLE,
            summary=f"{len(days):,} {'day is' if len(days) == 1 else 'days are'} missing among the "
            f"{table.model._meta.verbose_name_plural}, the first {shown[0]}",
            evidence={
                "days missing": len(days),
                "the first of them": [str(day) for day in shown[:SHOWN]],
                "the last": str(shown[-1]),
                **{
                    f"{name.removesuffix('_minor').replace('_', ' ')} of them": [
                        amount(value, one) for one, value in sorted(sums.items())
                    ]
                    for name in main
                },
            },
            amount_minor=total,
            currency=currency,
        )


STALE = """
SELECT state.refreshed_at, waiting.days, waiting.since, subscribers.customers,
    subscribers.since AS subscribers_since
FROM (SELECT count(DISTINCT day) AS days, min(created_at) AS since FROM analyticsapp_dirtyday)
    AS waiting
CROSS JOIN (
    SELECT count(DISTINCT customer_id) AS customers, min(created_at) AS since
    FROM analyticsapp_dirtysubscriber
) AS subscribers
LEFT JOIN analyticsapp_snapshotstate AS state ON true
WHERE least(state.refreshed_at, waiting.since, subscribers.since) < %(before)s
"""


@check(
    name="snapshots_stale",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=EVERYTHING,
    meaning="Figures haven’t been brought up to date for more than a quarter of an hour. Pages "
    "show what was so then, and say so.",
    remedy="See that a worker runs (`manage.py worker`), and whether its job refresh_snapshots "
    "fails. `manage.py build_snapshots` brings them up to date by hand.",
    remedies=("refresh_snapshots",),
)
def snapshots_stale(now: datetime) -> Iterator[Finding]:
    for row in rows(STALE, {"before": now - REFRESHED_WITHIN}):
        since = row["refreshed_at"] or min(filter(None, (row["since"], row["subscribers_since"])))
        yield Finding(
            subject_type=label(SnapshotState),
            subject_id=WHOLE,
            summary=f"Figures are as of {since:%Y-%m-%d %H:%M} UTC"
            if row["refreshed_at"]
            else f"There are no figures yet for what came since {since:%Y-%m-%d %H:%M} UTC",
            evidence={
                "up to date until": moment(row["refreshed_at"]),
                "days that changed since": row["days"],
                "the first at": moment(row["since"]),
                "subscribers that changed since": row["customers"],
            },
        )


# What is derived anew at the next refresh may differ until then.
RECURRING = """
WITH now AS (
    SELECT customer_id, currency, sum(mrr_minor)::bigint AS mrr
    FROM analyticsapp_subscriptionspan WHERE ends_at IS NULL AND currency <> ''
    GROUP BY customer_id, currency
),
moved AS (
    SELECT customer_id, currency, sum(amount_minor)::bigint AS sum,
        (array_agg(mrr_minor ORDER BY day DESC))[1] AS last
    FROM analyticsapp_mrrmovement GROUP BY customer_id, currency
),
apart AS (
    SELECT customer_id, currency, coalesce(now.mrr, 0) AS mrr, coalesce(moved.sum, 0) AS moved,
        coalesce(moved.last, 0) AS last, NULL AS subscription, NULL AS status, NULL AS says
    FROM now FULL JOIN moved USING (customer_id, currency)
    WHERE coalesce(now.mrr, 0) <> coalesce(moved.sum, 0)
        OR coalesce(moved.sum, 0) <> coalesce(moved.last, 0)
    UNION ALL
    SELECT sub.customer_id, sub.currency, span.mrr_minor, NULL, NULL, sub.id, sub.status,
        span.status
    FROM payments_subscription AS sub
    LEFT JOIN analyticsapp_subscriptionspan AS span
        ON span.subscription_id = sub.id AND span.ends_at IS NULL
    WHERE sub.customer_id IS NOT NULL AND span.status IS DISTINCT FROM sub.status
)
SELECT * FROM apart
WHERE NOT EXISTS (
    SELECT FROM analyticsapp_dirtysubscriber AS dirty WHERE dirty.customer_id = apart.customer_id
)
ORDER BY customer_id, currency, subscription NULLS FIRST
"""


@check(
    name="recurring_revenue_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="Recurring revenue contradicts itself: what moved doesn’t add up to what is there, or "
    "a subscription’s history ends otherwise than the subscription is.",
    remedy="Derive it anew: `manage.py build_snapshots --all`. If it comes back, a change to a "
    "subscription doesn’t mark its customer: report that.",
)
def recurring_revenue_mismatch(now: datetime) -> Iterator[Finding]:
    state = current_state()
    if state is None or state.conventions != conventions().fingerprint():
        return
    for row in rows(RECURRING, {}):
        currency, customer = row["currency"], reference(Customer, row["customer_id"])
        if row["subscription"]:
            yield Finding(
                subject_type=label(Subscription),
                subject_id=row["subscription"],
                summary=f"The subscription is {row['status']}, and its history ends as "
                f"{row['says'] or 'nothing'}",
                evidence={
                    "status": row["status"],
                    "its history says": row["says"] or "nothing",
                    "counted as a month": amount(row["mrr"], currency) if currency else "",
                    "customer": customer,
                },
                amount_minor=row["mrr"] if currency else None,
                currency=currency if row["mrr"] is not None else "",
            )
            continue
        off = max(abs(row["mrr"] - row["moved"]), abs(row["moved"] - row["last"]))
        yield Finding(
            subject_type=label(MrrMovement),
            subject_id=f"{row['customer_id']} {currency}",
            summary=f"The movements of {row['customer_id']} are {format_money(off, currency)} "
            "apart from its recurring revenue",
            evidence={
                "subscriptions, a month": amount(row["mrr"], currency),
                "movements come to": amount(row["moved"], currency),
                "the last of them says": amount(row["last"], currency),
                "customer": customer,
            },
            amount_minor=off,
            currency=currency,
        )


@check(
    name="subscription_days_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SUBSCRIPTIONS,),
    meaning="What pages show of a day’s recurring revenue isn’t what its subscriptions and "
    "movements come to; each day after it builds upon it.",
    remedy="Count the days anew: `manage.py build_snapshots --all`. If it comes back, a change to "
    "a subscription doesn’t mark its customer: report that.",
)
def subscription_days_mismatch(now: datetime) -> Iterator[Finding]:
    """The first day that is wrong of each currency: those after it follow from it."""
    state = current_state()
    if state is None or state.refreshed_at is None or DirtySubscriber.objects.exists():
        return
    compared = subscription_days.differing(day_of(state.refreshed_at))
    if compared is None:
        return
    for row in rows(*compared):
        currency = row["currency"]
        evidence: dict[str, Any] = {}
        worst = 0
        for name in subscription_days.MEASURES:
            is_, should = row[f"is_{name}"], row[f"should_{name}"]
            if is_ == should:
                continue
            words, in_money = name.removesuffix("_minor").replace("_", " "), name.endswith("_minor")
            for told, value in (("says", is_), ("comes to", should)):
                evidence[f"{words} {told}"] = (
                    amount(value or 0, currency) if in_money else value or 0
                )
            if in_money:
                worst = max(worst, abs((is_ or 0) - (should or 0)))
        by = f", by {format_money(worst, currency)}" if worst else ""
        yield Finding(
            subject_type=label(SubscriptionDay),
            subject_id=f"{row['day']} {currency}",
            summary=f"Recurring revenue of {row['day']} isn’t what it comes to{by}",
            evidence=evidence,
            amount_minor=worst or None,
            currency=currency if worst else "",
        )
