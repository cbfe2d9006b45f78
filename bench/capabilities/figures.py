"""Snapshots: all days counted anew, and one day that changed."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import DaySnapshot, DirtyDay
from analyticsapp.services.snapshots import refresh
from bench.registry import Figure, Measured, capability
from bench.timing import alternating, command, repeated, statement

DAY = "date_trunc('day', {} AT TIME ZONE 'UTC')"
# Each row that the snapshots sum, summed once.
ONE_GROUP_BY = (
    f"SELECT {DAY.format('captured_at')}, currency, sum(amount_captured), count(*) "
    "FROM payments_charge GROUP BY 1, 2",
    f"SELECT {DAY.format('succeeded_at')}, currency, sum(amount), count(*) "
    "FROM payments_refund GROUP BY 1, 2",
    f"SELECT {DAY.format('created')}, currency, status, sum(amount), count(*) "
    "FROM payments_dispute GROUP BY 1, 2, 3",
    f"SELECT {DAY.format('created')}, currency, reporting_category, sum(amount), sum(fee), "
    "count(*) FROM payments_balancetransaction GROUP BY 1, 2, 3",
    f"SELECT {DAY.format('paid_at')}, currency, sum(captured_minor), count(*), "
    "count(DISTINCT customer_id) FROM orders_order GROUP BY 1, 2",
    f"SELECT {DAY.format('paid_at')}, currency, line.product_id, sum(line.quantity), "
    "sum(line.total_minor), count(*) FROM orders_order "
    "JOIN orders_orderline AS line ON line.order_id = orders_order.id GROUP BY 1, 2, 3",
)


@capability(
    "build_snapshots --all",
    "All days and figures counted anew, in a process of its own",
    "≤ 3 × one plain GROUP BY over the same rows",
)
def all_days() -> Measured:
    runs = []

    def ours() -> None:
        runs.append(command("build_snapshots", "--all"))

    times, limits = alternating(ours, statement(*ONE_GROUP_BY), 1)
    more = repeated(statement(*ONE_GROUP_BY), 2)
    measured = Measured(
        unit="s",
        ours=Figure.of(times),
        limit=Figure.of([*limits, *more]),
        limit_is="each table’s rows summed once by day with a plain GROUP BY",
        detail={"peak MB": max(run.peak_mb for run in runs)},
    )
    measured.met = (measured.ratio or 0) <= 3
    return measured


@capability("one dirty day", "Its figures, and those of windows that hold it", "≤ 150 ms")
def one_day() -> Measured:
    """The day with the most orders; and, beside it, yesterday."""
    busiest = DaySnapshot.objects.order_by("-orders").values_list("day", flat=True)[0]
    yesterday = day_of(timezone.now()) - timedelta(days=1)

    def refreshed(day: date) -> None:
        DirtyDay.objects.create(day=day, created_at=timezone.now())
        refresh()

    times = [1000 * one for one in repeated(lambda: refreshed(busiest), 3)]
    recent = [1000 * one for one in repeated(lambda: refreshed(yesterday), 3)]
    return Measured(
        unit="ms",
        ours=Figure.of(times),
        met=Figure.of(times).median <= 150,
        detail={"yesterday, ms": Figure.of(recent).median, "day": str(busiest)},
    )
