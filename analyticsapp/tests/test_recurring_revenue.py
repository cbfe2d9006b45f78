"""From Stripe's events to spans and movements, whatever the order in which they came."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from analyticsapp.models import MrrMovement, SnapshotState, SubscriptionSpan
from analyticsapp.services import snapshots, subscriptions
from payments import inbox, processing
from payments.models import Source, StripeEvent
from payments.tests import stripe_events as stripe

pytestmark = pytest.mark.django_db

START = 1_750_000_000  # 2025-06-15 15:06:40 UTC
DAY = 86_400
Event = dict[str, Any]


def yearly(id: str = "sub_1", **over: Any) -> Event:
    """4 × 500.00 a year."""
    return stripe.subscription(id, **{"items": items(("50000", "year", 4)), **over})


def items(*priced: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "object": "list",
        "has_more": False,
        "data": [
            {
                "id": f"si_{n}",
                "object": "subscription_item",
                "price": stripe.price(
                    f"price_{amount}_{interval}",
                    unit_amount=int(amount),
                    unit_amount_decimal=amount,
                    recurring={
                        "interval": interval,
                        "interval_count": 1,
                        "usage_type": "licensed",
                    },
                ),
                "quantity": quantity,
            }
            for n, (amount, interval, quantity) in enumerate(priced, 1)
        ],
    }


def created(obj: Event, day: int) -> Event:
    obj = {**obj, "created": START + day * DAY, "start_date": START + day * DAY}
    return stripe.event("customer.subscription.created", obj, created=START + day * DAY)


def updated(obj: Event, day: int, previous: Event | None = None) -> Event:
    return stripe.event(
        "customer.subscription.updated", obj, created=START + day * DAY, previous=previous or {}
    )


def ended(obj: Event, day: int) -> Event:
    at = START + day * DAY
    obj = {**obj, "status": "canceled", "canceled_at": at, "ended_at": at}
    return stripe.event("customer.subscription.deleted", obj, created=at)


def hear(*events: Event) -> None:
    inbox.store(events, Source.WEBHOOK)
    processing.drain()
    snapshots.refresh()


def told() -> list[tuple[date, str, int]]:
    return list(MrrMovement.objects.order_by("day").values_list("day", "kind", "amount_minor"))


def story() -> list[Event]:
    """The golden one: yearly, a second monthly one comes and goes, the first ends."""
    monthly = stripe.subscription("sub_2", items=items(("3000", "month", 2)))
    return [
        created(yearly(), 0),
        created(monthly, 10),
        ended(monthly, 40),
        updated(yearly(cancel_at_period_end=True), 50, {"cancel_at_period_end": False}),
        ended(yearly(cancel_at_period_end=True), 365),
    ]


TOLD = [
    (date(2025, 6, 15), "new", 16_667),
    (date(2025, 6, 25), "expansion", 6_000),
    (date(2025, 7, 25), "contraction", -6_000),
    (date(2026, 6, 15), "churn", -16_667),
]


def test_churn_is_when_the_last_subscription_ends_not_when_its_end_was_decided() -> None:
    hear(*story())
    assert told() == TOLD
    spans = SubscriptionSpan.objects.filter(subscription_id="sub_1").order_by("starts_at")
    assert [(one.status, one.mrr_minor, one.origin) for one in spans] == [
        ("active", 16_667, "events"),
        ("canceled", 0, "events"),
    ]


@given(order=st.permutations(range(5)), cut=st.integers(0, 5))
@hypothesis_settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_events_plays_no_part(db: None, order: list[int], cut: int) -> None:
    with transaction.atomic():
        events = [story()[n] for n in order]
        hear(*events[:cut])
        hear(*events[cut:], *events[:1])
        assert told() == TOLD
        before = list(SubscriptionSpan.objects.order_by("subscription_id", "starts_at").values())
        snapshots.build_all()
        assert told() == TOLD
        after = list(SubscriptionSpan.objects.order_by("subscription_id", "starts_at").values())
        assert after == before
        transaction.set_rollback(True)


def test_trials_and_unpaid_ones_are_worth_nothing_and_past_due_ones_are() -> None:
    one = stripe.subscription(status="trialing", trial_start=START, trial_end=START + 7 * DAY)
    active = stripe.subscription(status="active")
    hear(
        created(one, 0),
        updated(active, 7, {"status": "trialing"}),
        updated(stripe.subscription(status="past_due"), 37, {"status": "active"}),
        updated(stripe.subscription(status="unpaid"), 60, {"status": "past_due"}),
        updated(active, 70, {"status": "unpaid"}),
    )
    assert [(kind, amount) for _, kind, amount in told()] == [
        ("new", 1_000),
        ("churn", -1_000),
        ("reactivation", 1_000),
    ]
    assert told()[0][0] == date(2025, 6, 22)


def test_a_coupon_for_ever_is_subtracted_as_soon_as_its_terms_are_known() -> None:
    discount = {"id": "di_1", "source": {"type": "coupon", "coupon": "half"}}
    hear(created(yearly(discounts=[discount]), 0))
    assert [amount for *_, amount in told()] == [16_667]
    hear(stripe.event("coupon.created", stripe.coupon()))
    assert [amount for *_, amount in told()] == [8_333]


def test_a_subscription_first_seen_late_began_when_it_says() -> None:
    started: dict[str, Any] = {"start_date": START - 100 * DAY, "created": START - 100 * DAY}
    now = stripe.subscription(**started, items=items(("2000", "month", 1)))
    was = {"items": items(("1000", "month", 1))}
    hear(updated(now, 0, was))
    assert told() == [
        (date(2025, 3, 7), "new", 1_000),
        (date(2025, 6, 15), "expansion", 1_000),
    ]
    assert set(SubscriptionSpan.objects.values_list("origin", flat=True)) == {"assumed", "events"}


def bill(n: int, amount: int) -> Event:
    """The invoice of the n-th month before the events begin."""
    starts, ends = START - n * 30 * DAY, START - (n - 1) * 30 * DAY
    invoice = stripe.invoice(f"in_{n}", created=starts, status="paid")
    parent = invoice["parent"] | {"subscription_details": {"metadata": {}, "subscription": "sub_1"}}
    line = invoice["lines"]["data"][0]
    line |= {"amount": amount, "quantity": 1, "period": {"start": starts, "end": ends}}
    return stripe.event(
        "invoice.paid",
        invoice | {"parent": parent, "lines": {**invoice["lines"], "data": [line]}},
        created=starts,
    )


def test_its_invoices_tell_what_an_old_subscription_was_worth(settings: Any) -> None:
    began = START - 120 * DAY
    now = stripe.subscription(start_date=began, created=began, items=items(("3000", "month", 1)))
    hear(updated(now, 0), bill(4, 1_000), bill(3, 1_000), bill(1, 2_500))
    assert [(kind, amount) for _, kind, amount in told()] == [
        ("new", 1_000),
        ("churn", -1_000),  # nothing was billed for the second month before
        ("reactivation", 2_500),
        ("expansion", 500),
    ]
    assert set(SubscriptionSpan.objects.values_list("origin", flat=True)) == {"invoices", "events"}
    settings.MRR_COUNTS_UNPAID = True
    snapshots.refresh()
    assert [(kind, amount) for _, kind, amount in told()] == [
        ("new", 1_000),
        ("expansion", 1_500),
        ("expansion", 500),
    ]


def test_other_conventions_derive_everything_again(settings: Any) -> None:
    hear(created(stripe.subscription(status="trialing", trial_end=START + DAY), 0))
    assert told() == []
    settings.MRR_COUNTS_TRIALS = True
    snapshots.refresh()
    assert [(kind, amount) for _, kind, amount in told()] == [("new", 1_000)]
    assert "trialing" in SnapshotState.objects.get().conventions


def test_whether_past_due_and_unpaid_ones_count_is_a_setting(settings: Any) -> None:
    def lost_on() -> list[int]:
        snapshots.refresh()
        return [day.day for day, kind, _ in told() if kind == "churn"]

    hear(
        created(stripe.subscription(), 0),
        updated(stripe.subscription(status="past_due"), 2),
        updated(stripe.subscription(status="unpaid"), 4),
    )
    assert lost_on() == [19]
    settings.MRR_COUNTS_PAST_DUE = False
    assert lost_on() == [17]
    settings.MRR_COUNTS_PAST_DUE = settings.MRR_COUNTS_UNPAID = True
    assert lost_on() == []


def test_a_refresh_takes_as_many_statements_for_two_customers_as_for_forty() -> None:
    def statements(customers: range) -> int:
        inbox.store(
            [created(stripe.subscription(f"sub_{n}", customer=f"cus_{n}"), 0) for n in customers],
            Source.WEBHOOK,
        )
        processing.drain()
        with CaptureQueriesContext(connection) as captured:
            snapshots.refresh()
        return len(captured)

    statements(range(60, 61))  # the first one finds no days that are counted
    assert statements(range(2)) == statements(range(10, 50))
    assert MrrMovement.objects.count() == 43


def test_nothing_is_written_where_nothing_differs() -> None:
    hear(*story())
    rows = set(SubscriptionSpan.objects.values_list("pk", flat=True))
    subscriptions.derive(subscriptions.all_subscribers())
    assert set(SubscriptionSpan.objects.values_list("pk", flat=True)) == rows


def test_a_subscription_that_moves_to_another_customer_takes_its_history_along() -> None:
    hear(created(stripe.subscription(customer="cus_1"), 0))
    hear(updated(stripe.subscription(customer="cus_2"), 5, {"customer": "cus_1"}))
    assert set(MrrMovement.objects.values_list("customer_id", flat=True)) == {"cus_2"}
    assert StripeEvent.objects.filter(status="dead").count() == 0
