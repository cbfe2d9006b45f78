"""Cohorts of subscribers: any history, counted bit by bit, anew and customer by customer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, bounds, day_of
from analyticsapp.models import CohortMonth, SubscriptionDay, SubscriptionSpan
from analyticsapp.services import snapshots
from analyticsapp.tables.cohorts import COHORTS
from analyticsapp.tables.table import parameters
from analyticsapp.tests.test_recurring_revenue import START, created, ended, items, updated
from analyticsapp.tests.test_snapshot_history import thrown_away
from payments import inbox, processing
from payments.models import Source
from payments.tests import stripe_events as stripe

pytestmark = pytest.mark.django_db

BEGAN = datetime.fromtimestamp(START, UTC)
LAST = BEGAN + timedelta(days=110)
JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)
Key = tuple[date, str, date]


def one(n: int, price: int, status: str = "active", currency: str = "eur") -> dict[str, Any]:
    """A subscription of customer n // 2, so that each has two."""
    return stripe.subscription(
        f"sub_{n}",
        customer=f"cus_{n // 2}",
        status=status,
        currency=currency,
        items=items((str(price), "month", 1)),
    )


def hear(*events: dict[str, Any], day: float) -> None:
    """Have the events in, and refresh so many days after the start."""
    inbox.store(events, Source.WEBHOOK)
    processing.drain()
    snapshots.refresh(BEGAN + timedelta(days=day))


def kept() -> dict[Key, dict[str, int]]:
    rows = CohortMonth.objects.values("day", "currency", "cohort", *COHORTS.measures)
    return {(row.pop("day"), row.pop("currency"), row.pop("cohort")): row for row in rows}


def differing() -> list[Any]:
    """What the table's own comparison with the movements says."""
    days = [day_of(LAST) - n * DAY for n in range(150, -1, -1)]
    with connection.cursor() as cursor:
        cursor.execute(COHORTS.differing, parameters(days))
        found: list[Any] = cursor.fetchall()
    return found


def counted(today: date) -> dict[Key, dict[str, int]]:
    """What is left of each cohort, day by day and customer by customer."""
    found: dict[Key, dict[str, int]] = {}
    spans = list(SubscriptionSpan.objects.order_by("starts_at"))
    for currency in {span.currency for span in spans}:
        began: dict[str, tuple[date, int]] = {}
        day = day_of(spans[0].starts_at)
        while day <= today:
            now: dict[str, int] = {}
            end = bounds(day)[1]
            for span in spans:
                stands = span.starts_at < end and (span.ends_at is None or span.ends_at >= end)
                if stands and span.currency == currency and span.mrr_minor:
                    now[span.customer_id] = now.get(span.customer_id, 0) + span.mrr_minor
            for who, mrr in now.items():
                began.setdefault(who, (day.replace(day=1), mrr))
            for cohort in {month for month, _ in began.values()}:
                members = {who: mrr for who, (month, mrr) in began.items() if month == cohort}
                found[day.replace(day=1), currency, cohort] = {
                    "customers": len(members),
                    "retained": len(members.keys() & now.keys()),
                    "started_minor": sum(members.values()),
                    "gross_minor": sum(min(mrr, now.get(w, 0)) for w, mrr in members.items()),
                    "net_minor": sum(now.get(who, 0) for who in members),
                }
            day += DAY
    return found


STEP = st.tuples(
    st.integers(0, 5),  # subscription
    st.integers(0, 100),  # day
    st.sampled_from([500, 700, 1_200]),
    st.sampled_from(["active", "active", "past_due", "unpaid", "canceled"]),
    st.none() | st.integers(0, 40),  # days until a refresh, if there is one
)


@given(
    steps=st.lists(STEP, max_size=9),
    zone=st.sampled_from(["UTC", "America/Havana", "Pacific/Auckland"]),
)
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_kept_bit_by_bit_is_counted_anew_and_one_by_one(steps: list[Any], zone: str) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        now = 0
        for n, day, price, status, wait in steps:
            obj = one(n, price, status, "usd" if n == 5 else "eur")
            inbox.store(
                [ended(obj, day) if status == "canceled" else updated(obj, day)], Source.WEBHOOK
            )
            processing.drain()
            if wait is not None:
                now += wait
                snapshots.refresh(BEGAN + timedelta(days=now))
        now = max(now, 110)
        snapshots.refresh(BEGAN + timedelta(days=now))
        found = kept()
        assert found == counted(day_of(BEGAN + timedelta(days=now)))
        assert not differing()
        CohortMonth.objects.all().delete()
        assert bool(differing()) == bool(found)
        snapshots.build_all(now=BEGAN + timedelta(days=now))
        assert kept() == found


def test_gross_leaves_out_what_expanded_and_net_has_it() -> None:
    hear(
        created(one(0, 1_000), 0),
        created(one(2, 1_000), 0),
        updated(one(0, 3_000), 30),
        ended(one(2, 1_000), 31),
        day=40,
    )
    assert kept()[JULY, "eur", JUNE] == {
        "customers": 2,
        "retained": 1,
        "started_minor": 2_000,
        "gross_minor": 1_000,
        "net_minor": 3_000,
    }


def test_a_month_that_begins_has_its_cohorts_though_nothing_moved() -> None:
    hear(created(one(0, 1_000), 0), day=0)
    hear(day=20)
    assert sorted(kept()) == [(JUNE, "eur", JUNE), (JULY, "eur", JUNE)]


def test_months_are_those_of_another_zone_once_that_is_set(settings: Any) -> None:
    hear(created(one(0, 1_000), 15), day=15)  # 30 June, 15:06 UTC
    assert set(kept()) == {(JUNE, "eur", JUNE)}
    settings.REPORTING_TIME_ZONE = "Pacific/Kiritimati"
    hear(day=15)
    assert set(kept()) == {(JULY, "eur", JULY)}
    settings.REPORTING_TIME_ZONE = "UTC"
    hear(day=15)
    assert set(kept()) == {(JUNE, "eur", JUNE)}


@pytest.mark.parametrize(
    "change", [{"retained": 2}, {"gross_minor": 1_001}, {"net_minor": 0}, {"day": "2025-06-02"}]
)
def test_a_cohort_is_never_more_than_it_was(change: dict[str, Any]) -> None:
    hear(created(one(0, 1_000), 0), day=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        CohortMonth.objects.update(**change)


@pytest.mark.parametrize("change", [{"mrr_minor": 1}, {"churn_minor": 1}, {"subscribers": 2}])
def test_a_day_whose_movements_do_not_come_to_it_cannot_be_stored(change: dict[str, int]) -> None:
    hear(created(one(0, 1_000), 0), day=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        SubscriptionDay.objects.update(**change)
