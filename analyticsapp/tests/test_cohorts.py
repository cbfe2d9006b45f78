"""Cohorts of subscribers: any history, counted bit by bit, anew and customer by customer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.drilldown.cohorts import of_cohort
from analyticsapp.drilldown.rows import page, total
from analyticsapp.kpis import COHORTS as KINDS
from analyticsapp.kpis import Cohort
from analyticsapp.models import CohortMonth, SubscriptionDay, SubscriptionSpan
from analyticsapp.services import snapshots
from analyticsapp.tables.cohorts import COHORTS
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
        cursor.execute(*COHORTS.differing(days))
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


def test_the_rows_behind_every_cell_add_up_to_it() -> None:
    hear(
        created(one(0, 1_000), 0),
        created(one(2, 700), 0),
        created(one(4, 500), 16),
        updated(one(0, 2_500), 30),
        ended(one(2, 700), 31),
        created(one(3, 400), 70),
        created(one(5, 400, currency="usd"), 20),
        day=75,
    )
    seen = 0
    for (month, currency, cohort), row in kept().items():
        window = Window(month, (month + 31 * DAY).replace(day=1) - DAY)
        for kpi in KINDS:
            drilldown = of_cohort(kpi.key, f"{cohort:%Y-%m}")
            assert drilldown
            sums = [total(part, window, currency) for part in drilldown.parts]
            share = kpi.compute(Cohort(**row))
            assert drilldown.value(sums, window) == drilldown.figure(window, currency) == share
            for part, summed in zip(drilldown.parts, sums, strict=True):
                rows = page(part, window, currency).rows
                assert (len(rows), sum(row.amount for row in rows)) == (summed.rows, summed.amount)
                assert {day_of(row.at).replace(day=1) for row in rows} <= {cohort}
            seen += share not in (None, 0)
    assert seen > 10


@pytest.mark.parametrize(
    ("key", "cohort"),
    [("net_mrr_retention", "2025-13"), ("mrr", "2025-06"), ("nothing", "2025-06")],
)
def test_what_is_no_cohort_has_no_rows(
    executive: User, client: Client, key: str, cohort: str
) -> None:
    client.force_login(executive)
    assert client.get(f"/dashboard/rows/{key}/?cohort={cohort}").status_code == 404


def test_a_cell_leads_to_its_rows(executive: User, client: Client) -> None:
    hear(created(one(0, 1_000), 0), created(one(2, 700), 0), ended(one(2, 700), 31), day=75)
    client.force_login(executive)
    html = client.get("/dashboard/subscriptions/?month=2025-07&currency=eur").content.decode()
    cell = "/dashboard/rows/customer_retention/?month=2025-07&amp;currency=eur&amp;cohort=2025-06"
    assert f'href="{cell}"' in html
    assert "50.0%" in html
    shown = client.get(cell.replace("&amp;", "&")).content.decode()
    assert "Customers who began in June 2025" in shown
    assert "Exactly the figure that the dashboard shows, 50.0%" in shown
    net = client.get("/dashboard/subscriptions/?month=2025-07&cohorts=net_mrr_retention")
    assert "58.8%" in net.content.decode()  # 1,000 of 1,700
