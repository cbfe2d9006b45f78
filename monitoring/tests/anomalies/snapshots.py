"""Anomalies for ``monitoring/checks/snapshots.py``."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import (
    MrrMovement,
    SettlementDay,
    SnapshotState,
    SubscriptionDay,
    SubscriptionSpan,
)
from analyticsapp.services import snapshots
from config.tests.rows import build
from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.arriving import DAY, moved


def four_days_ago() -> str:
    return str(day_of(timezone.now() - 4 * DAY))


def settle() -> None:
    """One balance transaction, and the figures of its day."""
    moved()
    snapshots.build_all()


def be_wrong() -> None:
    SettlementDay.objects.update(amount_minor=F("amount_minor") - 500)


def miscount() -> None:
    settle()
    be_wrong()


def lose_a_day() -> None:
    settle()
    SettlementDay.objects.all().delete()


def be_stale() -> None:
    SnapshotState.objects.update(refreshed_at=timezone.now() - timedelta(minutes=16))


def forget_to_refresh() -> None:
    snapshots.refresh()
    be_stale()


def have_a_span_without_its_movement(number: int = 2) -> None:
    snapshots.refresh()
    build(
        SubscriptionSpan,
        subscription_id=f"sub_{number}",
        customer_id=f"cus_{number}",
        currency="eur",
        status="active",
        mrr_minor=1_000,
        starts_at=timezone.now() - DAY,
        lines=[],
    )
    recount()


def recount() -> None:
    """What pages show of the last days, from the spans and movements that there are."""
    snapshots.build([day_of(timezone.now() - DAY), day_of(timezone.now())])


def move(number: int = 2) -> None:
    build(
        MrrMovement,
        customer_id=f"cus_{number}",
        currency="eur",
        day=day_of(timezone.now() - DAY),
        kind="new",
        amount_minor=1_000,
        mrr_minor=1_000,
    )
    recount()


def lose_the_movement() -> None:
    MrrMovement.objects.all().delete()
    recount()


def keep_a_day() -> None:
    """A customer's MRR, and the days since."""
    have_a_span_without_its_movement(3)
    move(3)


def be_off(by: int = 300) -> None:
    SubscriptionDay.objects.update(
        mrr_minor=F("mrr_minor") + by, opening_minor=F("opening_minor") + by
    )


def miscount_recurring_revenue() -> None:
    keep_a_day()
    be_off()


ANOMALIES = {
    "snapshot_mismatch": Anomaly(
        make=miscount,
        finds=lambda: {("analyticsapp.settlementday", f"{four_days_ago()} eur charge", 500, "eur")},
        mend=snapshots.build_all,
        again=be_wrong,
    ),
    "snapshot_days_missing": Anomaly(
        make=lose_a_day,
        finds=lambda: {("analyticsapp.settlementday", WHOLE, 9_000, "eur")},
        mend=snapshots.build_all,
        again=lambda: SettlementDay.objects.all().delete(),
    ),
    "snapshots_stale": Anomaly(
        make=forget_to_refresh,
        finds=lambda: {("analyticsapp.snapshotstate", WHOLE, None, "")},
        mend=snapshots.refresh,
        again=be_stale,
    ),
    "recurring_revenue_mismatch": Anomaly(
        make=have_a_span_without_its_movement,
        finds=lambda: {("analyticsapp.mrrmovement", "cus_2 eur", 1_000, "eur")},
        mend=move,
        again=lose_the_movement,
    ),
    "subscription_days_mismatch": Anomaly(
        make=miscount_recurring_revenue,
        finds=lambda: {
            (
                "analyticsapp.subscriptionday",
                f"{day_of(timezone.now() - DAY)} eur",
                300,
                "eur",
            )
        },
        mend=lambda: be_off(-300),
        again=be_off,
    ),
}
