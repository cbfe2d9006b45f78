"""The daily snapshots: counted from the mirror and the orders, a set of days at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import TruncDate
from django.utils import timezone

from analyticsapp.days import DAY, bounds
from analyticsapp.models import DaySnapshot, DirtyDay, SnapshotState
from analyticsapp.services import subscriptions
from analyticsapp.subscriptions.conventions import conventions
from orders.models import Order
from payments.models import Charge
from payments.selectors import refunds_of_captured

Progress = Callable[[int, int], None]
DAYS_A_STATEMENT = 100
# Two refreshes at once would count the same days; the second one waits. Any number will do.
LOCK = 0x636F756E74  # "count"

# The days are read in runs without a gap, each source through an index, and every row is put into
# its day by a binary search. For refunds, the ids that may count in a run are found through the
# indexes first, because the view's dates are computed; the view then decides.
COUNT_DAYS = """
WITH given AS MATERIALIZED (
    SELECT %(days)s::date[] AS days, %(starts)s::timestamptz[] AS starts
),
runs AS MATERIALIZED (
    SELECT * FROM unnest(%(run_starts)s::timestamptz[], %(run_ends)s::timestamptz[])
        AS run(starts, ends)
),
facts (day, currency, gross, payments, refunded, refunds, orders, order_value) AS (
    SELECT given.days[found.n], found.currency, found.amount, found.number, 0, 0, 0, 0
    FROM given CROSS JOIN runs CROSS JOIN LATERAL (
        SELECT width_bucket(captured_at, given.starts) AS n, currency,
            sum(amount_captured) AS amount, count(*) AS number
        FROM payments_charge
        WHERE captured_at >= runs.starts AND captured_at < runs.ends
        GROUP BY n, currency
    ) AS found
    UNION ALL
    SELECT given.days[found.n], found.currency, 0, 0, found.amount, found.number, 0, 0
    FROM given CROSS JOIN runs CROSS JOIN LATERAL (
        SELECT width_bucket(counted_at, given.starts) AS n, currency,
            sum(amount) AS amount, count(*) AS number
        FROM payments_counted_refund
        WHERE id IN (
                SELECT id FROM payments_refund
                WHERE succeeded_at >= runs.starts AND succeeded_at < runs.ends
                UNION
                SELECT refund.id
                FROM payments_balancetransaction AS moved
                JOIN payments_refund AS refund ON refund.balance_transaction_id = moved.id
                WHERE moved.created >= runs.starts AND moved.created < runs.ends
            )
            AND counted_at >= runs.starts AND counted_at < runs.ends
        GROUP BY n, currency
    ) AS found
    UNION ALL
    SELECT given.days[found.n], found.currency, 0, 0, -found.amount, -found.number, 0, 0
    FROM given CROSS JOIN runs CROSS JOIN LATERAL (
        SELECT width_bucket(returned_at, given.starts) AS n, currency,
            sum(amount) AS amount, count(*) AS number
        FROM payments_counted_refund
        WHERE id IN (
                SELECT id FROM payments_refund
                WHERE failed_at >= runs.starts AND failed_at < runs.ends
                UNION
                SELECT refund.id
                FROM payments_balancetransaction AS moved
                JOIN payments_refund AS refund ON refund.failure_balance_transaction_id = moved.id
                WHERE moved.created >= runs.starts AND moved.created < runs.ends
            )
            AND returned_at >= runs.starts AND returned_at < runs.ends
        GROUP BY n, currency
    ) AS found
    UNION ALL
    SELECT given.days[found.n], found.currency, 0, 0, 0, 0, found.number, found.amount
    FROM given CROSS JOIN runs CROSS JOIN LATERAL (
        SELECT width_bucket(paid_at, given.starts) AS n, currency,
            sum(captured_minor) AS amount, count(*) AS number
        FROM orders_order
        WHERE paid_at >= runs.starts AND paid_at < runs.ends
        GROUP BY n, currency
    ) AS found
),
fresh AS (
    SELECT day, currency, sum(gross) AS gross, sum(payments) AS payments,
        sum(refunded) AS refunded, sum(refunds) AS refunds,
        sum(orders) AS orders, sum(order_value) AS order_value
    FROM facts
    GROUP BY day, currency
),
vanished AS (
    DELETE FROM analyticsapp_daysnapshot AS old
    WHERE old.day = ANY (%(days)s::date[]) AND NOT EXISTS (
        SELECT FROM fresh WHERE fresh.day = old.day AND fresh.currency = old.currency
    )
)
INSERT INTO analyticsapp_daysnapshot AS old (
    day, currency, gross_minor, payments, refunds_minor, refunds, orders, order_value_minor,
    built_at
)
SELECT day, currency, gross, payments, refunded, refunds, orders, order_value, %(now)s FROM fresh
ON CONFLICT (currency, day) DO UPDATE SET
    gross_minor = EXCLUDED.gross_minor,
    payments = EXCLUDED.payments,
    refunds_minor = EXCLUDED.refunds_minor,
    refunds = EXCLUDED.refunds,
    orders = EXCLUDED.orders,
    order_value_minor = EXCLUDED.order_value_minor,
    built_at = EXCLUDED.built_at
WHERE (
    old.gross_minor, old.payments, old.refunds_minor, old.refunds, old.orders,
    old.order_value_minor
) IS DISTINCT FROM (
    EXCLUDED.gross_minor, EXCLUDED.payments, EXCLUDED.refunds_minor, EXCLUDED.refunds,
    EXCLUDED.orders, EXCLUDED.order_value_minor
)
"""


def refresh(now: datetime | None = None) -> list[date]:
    """Count the dirty days anew and return them in order; all days if the time zone changed.

    Whoever changes rows meanwhile isn't held up: their days stay in the log for the next time.
    """
    with transaction.atomic():
        now = _begin(now)
        state, _ = SnapshotState.objects.get_or_create(id=1)
        moved = state.time_zone != settings.REPORTING_TIME_ZONE
        days = _days_with_rows() if moved else _drain_log()
        _count(days, now)
        changed = subscriptions.drain_log()
        if moved or state.conventions != conventions().fingerprint():
            changed = subscriptions.all_subscribers()
        subscriptions.derive(changed)
        _set_state(now)
    return days


def build(
    days: Iterable[date], *, now: datetime | None = None, progress: Progress | None = None
) -> list[date]:
    """Count these days anew, whether dirty or not, and return them in order.

    ``progress`` is called with how many days are done, of how many.
    """
    with transaction.atomic():
        now = _begin(now)
        wanted = sorted(set(days))
        _count(wanted, now, progress)
    return wanted


def build_all(*, now: datetime | None = None, progress: Progress | None = None) -> list[date]:
    """Count every day anew that has rows or a snapshot, and return them in order."""
    with transaction.atomic():
        now = _begin(now)
        days = _days_with_rows()
        _count(days, now, progress)
        subscriptions.drain_log()
        subscriptions.derive(subscriptions.all_subscribers())
        _set_state(now)
    return days


def _begin(now: datetime | None) -> datetime:
    """Wait for our turn; return the time before which everything committed will be counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    return now or timezone.now()


def _set_state(now: datetime) -> None:
    SnapshotState.objects.update_or_create(
        id=1,
        defaults={
            "refreshed_at": now,
            "time_zone": settings.REPORTING_TIME_ZONE,
            "conventions": conventions().fingerprint(),
        },
    )


def _drain_log() -> list[date]:
    """Empty the log of what is committed by now, and return its days in order.

    Deleting comes before counting: a row committed in between is counted and stays in the log,
    where the other way round it could be lost.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH drained AS (DELETE FROM {DirtyDay._meta.db_table} RETURNING day) "
            "SELECT DISTINCT day FROM drained ORDER BY day"
        )
        return [day for (day,) in cursor.fetchall()]


def _days_with_rows() -> list[date]:
    """Every day that may have a figure, in order; the log is emptied, as all of it is in them."""
    _drain_log()
    refunds = refunds_of_captured()
    sources = (
        Charge.objects.values_list(TruncDate("captured_at", tzinfo=UTC)),
        refunds.values_list(TruncDate("counted_at", tzinfo=UTC)),
        refunds.values_list(TruncDate("returned_at", tzinfo=UTC)),
        Order.objects.values_list(TruncDate("paid_at", tzinfo=UTC)),
    )
    utc_days = {day for rows in sources for (day,) in rows.order_by().distinct() if day is not None}
    # A day elsewhere begins up to fourteen hours before or twelve after UTC's.
    near = {
        day + n * DAY for day in utc_days for n in (-1, 0, 1) if date.min < day < date.max
    } | utc_days
    return sorted(near | set(DaySnapshot.objects.values_list("day", flat=True).distinct()))


def _count(days: list[date], now: datetime, progress: Progress | None = None) -> None:
    for done in range(0, len(days), DAYS_A_STATEMENT):
        chunk = days[done : done + DAYS_A_STATEMENT]
        given = [(day, *bounds(day)) for day in chunk]
        runs: list[tuple[datetime, datetime]] = []
        for _, start, end in given:
            if runs and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        with connection.cursor() as cursor:
            cursor.execute(
                COUNT_DAYS,
                {
                    "days": [day for day, _, _ in given],
                    "starts": [start for _, start, _ in given],
                    "run_starts": [start for start, _ in runs],
                    "run_ends": [end for _, end in runs],
                    "now": now,
                },
            )
        if progress:
            progress(done + len(chunk), len(days))
