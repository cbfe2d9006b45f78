"""What the checks of the figures find, and what they let pass."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from analyticsapp.days import DAY, day_of
from analyticsapp.models import (
    DaySnapshot,
    DirtyDay,
    DirtySubscriber,
    MrrMovement,
    ProductDay,
    SettlementDay,
    SnapshotState,
    SubscriptionDay,
    SubscriptionSpan,
    WindowDay,
)
from analyticsapp.services import snapshots, subscriptions
from analyticsapp.tables import TABLES
from analyticsapp.tests import shop
from analyticsapp.tests.shop import charge, order, put, refund, transaction
from config.tests.rows import build
from monitoring.tests.finding import findings
from orders.models import Customer, OrderLine
from payments import inbox, processing
from payments.models import BalanceTransaction, Charge, Dispute, Source, Subscription
from payments.tests import stripe_events

pytestmark = pytest.mark.django_db

NAMES = (
    "snapshot_mismatch",
    "snapshot_days_missing",
    "snapshots_stale",
    "recurring_revenue_mismatch",
    "subscription_days_mismatch",
)


def at(day: int, hour: int = 12, month: int = 11, year: int = 2025) -> datetime:
    return shop.at(day, hour, month=month, year=year)


def begin_subscription() -> None:
    """What Stripe tells when one begins."""
    inbox.store(
        [
            stripe_events.event(
                "customer.subscription.created",
                stripe_events.subscription(created=1_760_000_000, start_date=1_760_000_000),
                created=1_760_000_000,
            )
        ],
        Source.WEBHOOK,
    )
    processing.drain()


def trade() -> None:
    """A few days of a shop, and their figures."""
    first = charge(10_000, at(3))
    charge(2_500, at(4))
    charge(700, at(4), currency="jpy")
    refund(first, 1_000, at(5))
    buyer = Customer.objects.create(email="ann@example.com", created_at=at(1))
    bought = order(at(3), 10_000, customer=buyer)
    put(
        Dispute,
        "dp_1",
        charge_id=first.pk,
        amount=500,
        currency="eur",
        status="lost",
        created=at(5),
    )
    build(OrderLine, order=bought, position=1, quantity=2, total_minor=10_000)
    transaction("txn_1", at(3), 9_000)
    BalanceTransaction.objects.update(fee=175, net=8_825)
    begin_subscription()
    snapshots.build_all()


def test_figures_that_were_just_built_agree() -> None:
    trade()
    assert DaySnapshot.objects.count() == 4
    for name in NAMES:
        assert findings(name) == [], name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_of_figures_is_compared_with_its_rows(table: Any) -> None:
    trade()
    row = table.model._default_manager.order_by("day").first()
    measure = table.measures[0]
    setattr(row, measure, getattr(row, measure) + 1)
    row.save(update_fields=[measure])
    [found] = findings("snapshot_mismatch")
    assert found.subject_type == row._meta.label_lower
    assert found.subject_id.startswith(f"{row.day} {row.currency}")

    table.model._default_manager.all().delete()
    [found] = findings("snapshot_days_missing")
    assert (found.subject_type, found.subject_id) == (row._meta.label_lower, "*")


def test_a_mismatch_shows_both_numbers_and_the_money_between() -> None:
    trade()
    DaySnapshot.objects.filter(day="2025-11-03").update(gross_minor=9_400, payments=7)
    [found] = findings("snapshot_mismatch")
    assert found.subject_id == "2025-11-03 eur"
    assert (found.amount_minor, found.currency) == (600, "eur")
    assert found.evidence["gross says"] == {"amount": 9_400, "currency": "eur"}
    assert found.evidence["gross comes to"] == {"amount": 10_000, "currency": "eur"}
    assert (found.evidence["payments says"], found.evidence["payments comes to"]) == (7, 1)
    assert "orders says" not in found.evidence


def test_a_row_too_many_and_one_too_few_are_mismatches_where_the_day_has_others() -> None:
    trade()
    DaySnapshot.objects.filter(currency="jpy").delete()
    row = DaySnapshot.objects.get(day="2025-11-05")
    row.pk, row.currency = None, "gbp"
    row.save()
    found = {one.subject_id for one in findings("snapshot_mismatch")}
    assert found == {"2025-11-04 jpy", "2025-11-05 gbp"}
    assert findings("snapshot_days_missing") == []


def test_a_change_that_nobody_marked_is_found_and_one_that_is_marked_waits() -> None:
    trade()
    Charge.objects.filter(captured_at=at(4), currency="eur").update(amount_captured=2_600)
    [found, *of_bridge] = findings("snapshot_mismatch")
    assert (found.subject_id, found.amount_minor) == ("2025-11-04 eur", 100)
    assert {one.subject_type for one in of_bridge} == {"analyticsapp.bridgeday"}
    assert {one.amount_minor for one in of_bridge} == {100}
    DirtyDay.objects.create(day="2025-11-04", created_at=timezone.now())
    assert findings("snapshot_mismatch") == []
    snapshots.refresh()
    assert findings("snapshot_mismatch") == []


def test_a_day_that_waits_holds_up_the_windows_that_reach_back_to_it_and_no_others() -> None:
    trade()
    WindowDay.objects.update(returning_customers=99)
    every = {one.subject_id for one in findings("snapshot_mismatch")}
    assert every
    DirtyDay.objects.create(day=at(3).date(), created_at=timezone.now())
    assert findings("snapshot_mismatch") == []
    DirtyDay.objects.update(day=at(3).date() + DAY)
    left = {one.subject_id for one in findings("snapshot_mismatch")}
    assert left == {one for one in every if one.startswith("2025-11-03")}


def test_missing_days_are_one_finding_a_table() -> None:
    trade()
    DaySnapshot.objects.filter(day__in=["2025-11-03", "2025-11-05"]).delete()
    [found] = findings("snapshot_days_missing")
    assert found.evidence["days missing"] == 2
    assert found.evidence["the first of them"] == ["2025-11-03", "2025-11-05"]
    assert (found.amount_minor, found.currency) == (10_000, "eur")
    assert findings("snapshot_mismatch") == []
    DaySnapshot.objects.filter(day="2025-11-04").delete()
    [found] = findings("snapshot_days_missing")
    assert (found.amount_minor, found.currency) == (None, "")


def test_days_on_which_nothing_happened_are_not_missing() -> None:
    charge(100, at(1, month=1))
    charge(100, at(1, month=11))
    snapshots.build_all()
    assert DaySnapshot.objects.count() == 2
    assert findings("snapshot_days_missing") == []


def test_another_time_zone_is_counted_first(settings: Settings) -> None:
    trade()
    charge(100, at(4, 23))
    snapshots.refresh()
    settings.REPORTING_TIME_ZONE = "Asia/Tokyo"
    assert findings("snapshot_mismatch") == []
    snapshots.refresh()
    assert findings("snapshot_mismatch") == []
    assert {day.day for day in DaySnapshot.objects.all()} == {at(n).date() for n in (3, 4, 5)}


def test_the_whole_of_many_years_is_compared() -> None:
    charge(100, at(1, year=2019))
    charge(100, at(1))
    snapshots.build_all()
    DaySnapshot.objects.filter(day__year=2019).update(gross_minor=99)
    [found] = findings("snapshot_mismatch")
    assert found.subject_id == "2019-11-01 eur"
    DaySnapshot.objects.filter(day__year=2019).delete()
    [found] = findings("snapshot_days_missing")
    assert found.evidence["the last"] == "2019-11-01"


def test_before_the_first_refresh_nothing_is_stale_until_something_has_waited() -> None:
    assert findings("snapshots_stale") == []
    charge(100, at(3))
    assert findings("snapshots_stale") == []
    [found] = findings("snapshots_stale", timezone.now() + timedelta(minutes=16))
    assert found.evidence["days that changed since"] == 1
    assert found.summary.startswith("There are no figures yet for what came since")


@pytest.mark.parametrize(("minutes", "expected"), [(14, 0), (16, 1)])
def test_figures_may_be_a_quarter_of_an_hour_old(minutes: int, expected: int) -> None:
    snapshots.refresh()
    SnapshotState.objects.update(refreshed_at=timezone.now() - timedelta(minutes=minutes))
    assert len(findings("snapshots_stale")) == expected


def subscribe() -> None:
    """A subscription that began, and whose recurring revenue was derived."""
    begin_subscription()
    snapshots.refresh()
    assert SubscriptionSpan.objects.get().mrr_minor == 1_000


def test_recurring_revenue_that_was_derived_agrees() -> None:
    subscribe()
    assert findings("recurring_revenue_mismatch") == []


def test_movements_that_do_not_add_up_are_found() -> None:
    subscribe()
    MrrMovement.objects.update(amount_minor=900)
    [found] = findings("recurring_revenue_mismatch")
    assert (found.subject_id, found.amount_minor, found.currency) == ("cus_1 eur", 100, "eur")
    MrrMovement.objects.update(amount_minor=1_000, mrr_minor=700)
    [found] = findings("recurring_revenue_mismatch")
    assert found.amount_minor == 300


def test_a_history_that_ends_otherwise_than_the_subscription_is_found() -> None:
    subscribe()
    Subscription.objects.update(status="past_due")
    [found] = findings("recurring_revenue_mismatch")
    assert (found.subject_type, found.subject_id) == ("payments.subscription", "sub_1")
    DirtySubscriber.objects.create(customer_id="cus_1", created_at=timezone.now())
    assert findings("recurring_revenue_mismatch") == []
    snapshots.refresh()
    subscriptions.mark(["cus_2"])
    assert findings("recurring_revenue_mismatch") != []  # the row alone was changed


def test_a_day_that_is_not_what_moved_up_to_it_is_found() -> None:
    subscribe()
    assert findings("subscription_days_mismatch") == []
    first = SubscriptionDay.objects.order_by("day")[0].day
    later = SubscriptionDay.objects.filter(day__gt=first)
    later.update(mrr_minor=1_200, opening_minor=1_200, trialing=3)
    [found] = findings("subscription_days_mismatch")
    assert (found.subject_id, found.amount_minor) == (f"{first + DAY} eur", 200)
    assert found.evidence["mrr says"] == {"amount": 1_200, "currency": "eur"}
    assert (found.evidence["trialing says"], found.evidence["trialing comes to"]) == (3, 0)
    later.update(mrr_minor=1_000, opening_minor=1_000, trialing=0, active=2)
    [found] = findings("subscription_days_mismatch")
    assert (found.amount_minor, found.evidence["active comes to"]) == (None, 1)
    SubscriptionDay.objects.filter(day=first).delete()
    [found] = findings("subscription_days_mismatch")
    assert found.subject_id == f"{first} eur"
    snapshots.build_all()
    assert findings("subscription_days_mismatch") == []


def test_other_conventions_are_derived_first(settings: Settings) -> None:
    subscribe()
    MrrMovement.objects.all().delete()
    settings.MRR_COUNTS_TRIALS = True
    assert findings("recurring_revenue_mismatch") == []
    snapshots.refresh()
    assert findings("recurring_revenue_mismatch") == []
    assert MrrMovement.objects.count() == 1


def test_todays_figures_are_compared_as_far_as_they_were_counted() -> None:
    now = timezone.now()
    charge(100, now)
    snapshots.refresh()
    assert ProductDay.objects.count() == SettlementDay.objects.count() == 0
    DaySnapshot.objects.filter(day=day_of(now)).update(gross_minor=99)
    assert len(findings("snapshot_mismatch")) == 1
