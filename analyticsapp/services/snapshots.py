"""The daily snapshots: counted from the mirror and the orders, a set of days at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min
from django.db.models.functions import TruncDate
from django.utils import timezone

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.models import DirtyDay, MrrMovement, SnapshotState
from analyticsapp.services import subscription_days, subscriptions
from analyticsapp.subscriptions.conventions import conventions
from analyticsapp.tables import DAILY, RECURRING, TABLES, SnapshotTable
from analyticsapp.tables.table import REACH, count
from orders.models import Order
from payments.models import BalanceTransaction, Charge, Dispute
from payments.selectors import refunds_of_captured

Progress = Callable[[int, int], None]
DAYS_A_STATEMENT = 100
# Two refreshes at once would count the same days; the second one waits. Any number will do.
LOCK = 0x636F756E74  # "count"


def refresh(now: datetime | None = None) -> list[date]:
    """Count the dirty days anew and return them in order; all days if the time zone changed.

    Whoever changes rows meanwhile isn't held up: their days stay in the log for the next time.
    """
    with transaction.atomic():
        now = _begin(now)
        state, _ = SnapshotState.objects.get_or_create(id=1)
        moved = state.time_zone != settings.REPORTING_TIME_ZONE
        days = _days_with_rows() if moved else _drain_log()
        _count(DAILY, sorted({*days, *_days_begun(state.refreshed_at, now)}), now)
        changed = subscriptions.drain_log()
        anew = moved or state.conventions != conventions().fingerprint()
        if anew:
            changed = subscriptions.all_subscribers()
        first = subscriptions.derive(changed)
        _count_recurring(date.min if anew else first, state.refreshed_at, now)
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
        _count(TABLES, wanted, now, progress)
        subscription_days.count(min(wanted, default=None), now)
    return wanted


def build_all(*, now: datetime | None = None, progress: Progress | None = None) -> list[date]:
    """Count every day anew that has rows or a snapshot, and return them in order."""
    with transaction.atomic():
        now = _begin(now)
        days = _days_with_rows()
        _count(DAILY, days, now, progress)
        subscriptions.drain_log()
        subscriptions.derive(subscriptions.all_subscribers())
        _count_recurring(date.min, None, now)
        _set_state(now)
    return days


def _count_recurring(first: date | None, refreshed_at: datetime | None, now: datetime) -> None:
    """Count recurring revenue anew from the ``first`` day on which it differs, and what has begun
    since the last refresh; all of it for ``date.min``."""
    subscription_days.count(first, now)
    today = day_of(now)
    since = min(first or date.max, day_of(refreshed_at) + DAY if refreshed_at else date.min)
    if since == date.min:
        since = MrrMovement.objects.aggregate(first=Min("day"))["first"] or date.max
        for table in RECURRING:  # some may be of another time zone, or of what is no more
            kept = {"day__range": (since.replace(day=1), today)}
            table.model._default_manager.exclude(**kept).delete()
    if since <= today:
        _count(RECURRING, Window(since, today).days(), now)


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


def _days_begun(since: datetime | None, now: datetime) -> list[date]:
    """The days that have begun since the last refresh, at most as many as the longest window has:
    windows that end on them hold what happened before."""
    today = day_of(now)
    first = max(day_of(since) + DAY, today - REACH * DAY) if since else today
    return Window(first, today).days() if first <= today else []


def recorded(now: datetime) -> list[date]:
    """Every day from the first that may have a figure to today, in order, with those of snapshots
    that lie beyond; found through indexes."""
    firsts = (
        (Charge, "created"),
        (Charge, "captured_at"),
        (BalanceTransaction, "created"),
        (Dispute, "created"),
        (Order, "paid_at"),
    )
    moments = [
        model._default_manager.order_by().aggregate(first=Min(column))["first"]
        for model, column in firsts
    ]
    kept = [
        table.model._default_manager.order_by().aggregate(first=Min("day"), last=Max("day"))
        for table in TABLES
    ]
    days = [day_of(moment) for moment in moments if moment]
    days += [day for one in kept for day in one.values() if day]
    return Window(min(days), max(*days, day_of(now))).days() if days else []


def _days_with_rows() -> list[date]:
    """Every day that may have a figure, in order; the log is emptied, as all of it is in them."""
    _drain_log()
    refunds = refunds_of_captured()
    sources = (
        Charge.objects.values_list(TruncDate("captured_at", tzinfo=UTC)),
        Charge.objects.values_list(TruncDate("created", tzinfo=UTC)),
        refunds.values_list(TruncDate("counted_at", tzinfo=UTC)),
        refunds.values_list(TruncDate("returned_at", tzinfo=UTC)),
        BalanceTransaction.objects.values_list(TruncDate("created", tzinfo=UTC)),
        Dispute.objects.values_list(TruncDate("created", tzinfo=UTC)),
        Order.objects.values_list(TruncDate("paid_at", tzinfo=UTC)),
        Order.objects.values_list(TruncDate("fulfilled_at", tzinfo=UTC)),
    )
    utc_days = {day for rows in sources for (day,) in rows.order_by().distinct() if day is not None}
    # A day elsewhere begins up to fourteen hours before or twelve after UTC's.
    near = {
        day + n * DAY for day in utc_days for n in (-1, 0, 1) if date.min < day < date.max
    } | utc_days
    kept = (table.model._default_manager.values_list("day") for table in DAILY)
    return sorted(near.union(day for rows in kept for (day,) in rows.order_by().distinct()))


def _count(
    tables: Sequence[SnapshotTable],
    days: list[date],
    now: datetime,
    progress: Progress | None = None,
) -> None:
    until = max(day_of(now), *days) if days else day_of(now)
    work = {table: table.touched(days, until) for table in tables}
    done, total = 0, sum(len(touched) for touched in work.values())
    for table, touched in work.items():
        for chunk in chunks(touched):
            count(table, chunk, now)
            done += len(chunk)
            if progress:  # in days, whichever of the tables it is about
                progress(len(days) * done // total, len(days))


def chunks(days: list[date], most: int = DAYS_A_STATEMENT) -> Iterator[list[date]]:
    """The days in parts that one statement takes: no gap in them is longer than a month."""
    part: list[date] = []
    for day in days:
        if part and (len(part) == most or day - part[-1] > 31 * DAY):
            yield part
            part = []
        part.append(day)
    if part:
        yield part
