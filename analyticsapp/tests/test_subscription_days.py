"""Recurring revenue by day: kept bit by bit it is what counting all of it anew gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import day_of
from analyticsapp.models import MrrMovement, SubscriptionDay
from analyticsapp.services import snapshots, subscription_days
from analyticsapp.tests.test_recurring_revenue import START, created, ended, items, updated
from payments import inbox, processing
from payments.models import Source
from payments.tests import stripe_events as stripe

pytestmark = pytest.mark.django_db
STARTED = datetime.fromtimestamp(START, UTC)


def hear(*events: dict[str, Any], day: float) -> None:
    """Have the events in, and refresh so many days after the start."""
    inbox.store(events, Source.WEBHOOK)
    processing.drain()
    snapshots.refresh(STARTED + timedelta(days=day))


def monthly(n: int, amount: int, status: str = "active", currency: str = "usd") -> dict[str, Any]:
    """A subscription of customer n // 2, so that each has two."""
    return stripe.subscription(
        f"sub_{n}",
        customer=f"cus_{n // 2}",
        status=status,
        currency=currency,
        items=items((str(amount), "month", 1)),
    )


def on(day: int) -> SubscriptionDay:
    return SubscriptionDay.objects.get(day=day_of(STARTED + timedelta(days=day)), currency="usd")


def kept() -> list[tuple[Any, ...]]:
    names = ("day", "currency", *subscription_days.MEASURES)
    return list(SubscriptionDay.objects.order_by("day", "currency").values_list(*names))


@contextmanager
def thrown_away() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_a_day_says_how_it_stands_and_what_moved() -> None:
    hear(created(monthly(1, 1_000), 0), created(monthly(2, 500, "trialing"), 0), day=0)
    hear(
        updated(monthly(1, 1_500), 3, {"items": items(("1000", "month", 1))}),
        updated(monthly(2, 500), 3, {"status": "trialing"}),
        ended(monthly(1, 1_500), 5),
        day=6,
    )
    assert (on(0).mrr_minor, on(0).subscribers, on(0).active, on(0).trialing) == (1_000, 1, 1, 1)
    assert (on(0).new_minor, on(0).new_customers) == (1_000, 1)
    assert (on(2).mrr_minor, on(2).new_customers, on(2).active) == (1_000, 0, 1)
    assert (on(3).expansion_minor, on(3).new_minor, on(3).mrr_minor) == (500, 500, 2_000)
    assert (on(3).active, on(3).trialing) == (2, 0)
    assert (on(5).churn_minor, on(5).churn_customers, on(5).canceled) == (1_500, 1, 1)
    assert (on(5).mrr_minor, on(5).subscribers, on(5).active) == (500, 1, 1)
    assert (on(6).canceled, on(6).churn_minor, on(6).mrr_minor) == (0, 0, 500)


def test_days_on_which_nothing_happens_are_carried_on() -> None:
    hear(created(monthly(1, 1_000), 0), day=0)
    hear(day=12)
    assert SubscriptionDay.objects.count() == 13
    assert on(12).mrr_minor == 1_000
    before = set(SubscriptionDay.objects.values_list("pk", "built_at"))
    hear(day=12.1)
    assert set(SubscriptionDay.objects.values_list("pk", "built_at")) == before


def test_only_days_from_the_first_changed_one_are_written() -> None:
    hear(created(monthly(1, 1_000), 0), day=10)
    hear(created(monthly(4, 700), 8), day=10.1)
    at = STARTED + timedelta(days=10.1)
    changed = SubscriptionDay.objects.filter(built_at=at).order_by("day")
    assert [row.mrr_minor for row in changed] == [1_700] * 3


def test_counting_takes_as_many_statements_whatever_there_is() -> None:
    def statements(customers: range) -> int:
        inbox.store(
            [created(monthly(n, 1_000), 0) for n in customers],
            Source.WEBHOOK,
        )
        processing.drain()
        with CaptureQueriesContext(connection) as captured:
            snapshots.refresh(STARTED + timedelta(days=40))
        return len(captured)

    statements(range(2))
    assert statements(range(2, 4)) == statements(range(10, 60))


STEP = st.tuples(
    st.integers(0, 5),  # subscription
    st.integers(0, 12),  # day
    st.sampled_from([500, 700, 1_200]),
    st.sampled_from(["active", "active", "past_due", "trialing", "unpaid", "paused", "canceled"]),
)


@given(
    steps=st.lists(STEP, max_size=8),
    looks=st.lists(st.integers(0, 16), max_size=8),
    zone=st.sampled_from(["UTC", "America/Havana", "Pacific/Auckland"]),
)
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_kept_bit_by_bit_is_counted_anew_and_the_sum_of_movements(
    steps: list[tuple[int, int, int, str]], looks: list[int], zone: str
) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        for n, (subscription, day, amount, status) in enumerate(steps):
            obj = monthly(subscription, amount, status, "eur" if subscription == 5 else "usd")
            event = ended(obj, day) if status == "canceled" else updated(obj, day)
            hear(event, day=max([day, *looks[: n + 1]]))
        hear(day=17)
        found = kept()
        snapshots.build_all(now=STARTED + timedelta(days=17))
        assert kept() == found
        SubscriptionDay.objects.all().delete()
        snapshots.refresh(STARTED + timedelta(days=17))
        assert kept() == found
        for row in SubscriptionDay.objects.all():
            moved = MrrMovement.objects.filter(currency=row.currency, day__lte=row.day)
            assert row.mrr_minor == sum(one.amount_minor for one in moved)


def test_another_time_zone_counts_all_days_anew(settings: Any) -> None:
    hear(created(monthly(1, 1_000), 0), day=3)
    settings.REPORTING_TIME_ZONE = "Pacific/Kiritimati"
    hear(day=3)
    first = SubscriptionDay.objects.order_by("day").first()
    assert first is not None
    assert (first.day, first.mrr_minor) == (date(2025, 6, 16), 1_000)
