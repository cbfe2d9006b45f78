"""Subscriptions older than the events that Stripe still lists: their invoices tell the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from analyticsapp.models import MrrMovement, SubscriptionDay, SubscriptionSpan
from analyticsapp.services import snapshots
from analyticsapp.subscriptions.billed import Billed, periods
from analyticsapp.tests.test_recurring_revenue import DAY, START, bill, hear, updated
from payments import inbox, processing, sync
from payments.models import Source, StripeEvent
from payments.tests import stripe_events as stripe
from standin import StandIn

pytestmark = pytest.mark.django_db

OLD = 200  # days: events can be listed for thirty


@pytest.fixture
def standin(settings: Settings) -> Iterator[StandIn]:
    """Serves, and the settings lead to it with a full test key and no noticeable pace."""
    with StandIn(seed=5) as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


class Club:
    """A shop with subscriptions by the month and by the year, whose clock began long ago."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.began = standin.clock.now - OLD * 86_400
        standin.set_now(self.began)
        product = self.call("products", name="Club")["id"]
        self.prices = {
            name: self.call(
                "prices",
                product=product,
                currency="eur",
                unit_amount=amount,
                recurring={"interval": interval},
            )["id"]
            for name, amount, interval in (
                ("small", 1_000, "month"),
                ("large", 2_500, "month"),
                ("yearly", 60_000, "year"),
            )
        }

    def call(self, path: str, **params: Any) -> dict[str, Any]:
        return self.standin.api("POST", f"/v1/{path}", params)

    def to(self, day: int) -> None:
        """Live on until so many days after the beginning."""
        self.standin.advance_to(self.began + day * 86_400)

    def join(self, price: str, **params: Any) -> dict[str, Any]:
        customer = self.call(
            "customers", email=f"{len(self.prices)}@example.com", payment_method="pm_card_visa"
        )
        return self.call(
            "subscriptions",
            customer=customer["id"],
            items=[{"price": self.prices[price]}],
            default_payment_method=customer["invoice_settings"]["default_payment_method"],
            **params,
        )

    def change(
        self, subscription: dict[str, Any], how: str = "create_prorations", **item: Any
    ) -> None:
        """``how`` the difference is billed: with the next invoice, or at once."""
        held = self.standin.get(subscription["id"])["items"]["data"][0]["id"]
        self.call(
            f"subscriptions/{subscription['id']}",
            items=[{"id": held, **item}],
            proration_behavior=how,
        )

    def live(self) -> dict[str, dict[str, Any]]:
        """Some lives: one that stays, one that grows and ends, one that moves to a larger price
        and on to a year, one with a trial, one that pays by the year, one that is young."""
        lives = {"stays": self.join("small"), "grows": self.join("small")}
        self.to(10)
        lives["yearly"] = self.join("yearly")
        self.to(20)
        lives["trial"] = self.join("large", trial_period_days=14)
        lives["moves"] = self.join("small")
        self.to(45)
        self.change(lives["grows"], quantity=3)
        self.to(70)
        self.change(lives["moves"], price=self.prices["large"])
        self.to(100)
        # To another interval Stripe bills at once.
        self.change(lives["moves"], "always_invoice", price=self.prices["yearly"])
        self.to(110)
        self.call(f"subscriptions/{lives['grows']['id']}", cancel_at_period_end=True)
        self.to(185)
        lives["young"] = self.join("large")
        self.to(OLD)
        return lives

    def day(self, number: int) -> date:
        return datetime.fromtimestamp(self.began + number * 86_400, UTC).date()


def moved() -> list[tuple[str, date, str, int]]:
    rows = MrrMovement.objects.order_by("customer_id", "day")
    return list(rows.values_list("customer_id", "day", "kind", "amount_minor"))


def moves_of(subscription: dict[str, Any]) -> list[tuple[date, str, int]]:
    return [row[1:] for row in moved() if row[0] == subscription["customer"]]


def origins(subscription: dict[str, Any]) -> list[tuple[str, str]]:
    spans = SubscriptionSpan.objects.filter(subscription_id=subscription["id"])
    return list(spans.order_by("starts_at").values_list("status", "origin"))


def test_sync_fills_the_history_of_old_subscriptions_and_says_what_tells_it(
    standin: StandIn,
) -> None:
    club = Club(standin)
    lives = club.live()
    result = sync.sync()
    assert not result.refused
    snapshots.refresh()
    oldest = StripeEvent.objects.filter(source=Source.LISTED).order_by("as_of").first()
    assert oldest is not None
    assert oldest.as_of.date() >= club.day(OLD - 31)

    assert moves_of(lives["stays"]) == [(club.day(0), "new", 1_000)]
    assert moves_of(lives["grows"])[:2] == [
        (club.day(0), "new", 1_000),
        (club.day(45), "expansion", 2_000),
    ]
    assert [kind for _, kind, _ in moves_of(lives["grows"])][2:] == ["churn"]
    assert moves_of(lives["yearly"]) == [(club.day(10), "new", 5_000)]
    assert moves_of(lives["trial"]) == [(club.day(34), "new", 2_500)]
    assert moves_of(lives["moves"]) == [
        (club.day(20), "new", 1_000),
        (club.day(70), "expansion", 1_500),
        (club.day(100), "expansion", 2_500),
    ]
    assert moves_of(lives["young"]) == [(club.day(185), "new", 2_500)]

    assert origins(lives["stays"])[0] == ("active", "invoices")
    assert origins(lives["grows"])[-1] == ("canceled", "events")
    assert origins(lives["trial"])[0] == ("trialing", "assumed")
    assert {origin for _, origin in origins(lives["young"])} == {"events"}
    assert SubscriptionDay.objects.get(day=club.day(120)).mrr_minor == 3_000 + 1_000 + 12_500


def test_what_invoices_tell_is_what_all_events_would_have_told(standin: StandIn) -> None:
    club = Club(standin)
    club.live()
    sync.sync()
    snapshots.refresh()
    from_invoices = moved()
    with transaction.atomic():
        inbox.store(standin.events_since(), Source.WEBHOOK)
        processing.drain()
        snapshots.refresh()
        assert set(SubscriptionSpan.objects.values_list("origin", flat=True)) == {"events"}
        assert moved() == from_invoices
        transaction.set_rollback(True)


def test_an_old_subscription_without_invoices_is_assumed_to_have_been_so_from_its_start(
    standin: StandIn,
) -> None:
    club = Club(standin)
    stays = club.join("small")
    club.to(OLD)
    sync.sync(only=["customers", "products", "prices", "subscriptions"])
    snapshots.refresh()
    assert moves_of(stays) == [(club.day(0), "new", 1_000)]
    assert origins(stays) == [("active", "assumed"), ("active", "events")]


def test_before_the_first_invoice_that_is_known_it_is_assumed_to_have_been_as_then(
    standin: StandIn,
) -> None:
    club = Club(standin)
    grows = club.join("small")
    club.to(45)
    club.change(grows, quantity=3)
    club.to(OLD)
    sync.sync(since=datetime.fromtimestamp(club.began + 100 * 86_400, UTC))
    sync.sync(only=["subscriptions"])
    snapshots.refresh()
    assert moves_of(grows) == [(club.day(0), "new", 3_000)]
    assert origins(grows)[:2] == [("active", "assumed"), ("active", "invoices")]


@pytest.mark.parametrize("status", ["trialing", "incomplete"])
def test_what_has_not_begun_to_count_is_not_made_to_by_an_invoice(status: str) -> None:
    began = START - 30 * DAY
    trial_end = START + DAY if status == "trialing" else None
    late = stripe.subscription(status=status, start_date=began, created=began, trial_end=trial_end)
    hear(updated(late, 0), bill(1, 1_000))
    assert moved() == []
    assert {one.status for one in SubscriptionSpan.objects.all()} == {status}


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(day: float) -> datetime:
    return NOON + timedelta(days=day)


def line(first: float, last: float, price: str, worth: str = "", **kind: bool) -> Billed:
    """A line for an item that is told apart by what it is worth; nobody knows what one without."""
    item = {"unit_amount_decimal": worth} if worth else None
    return Billed(at(first), at(last), price, item, **kind)


def told(*lines: Billed) -> list[tuple[float, float, list[str]]]:
    return [
        (
            (one.starts_at - NOON).total_seconds() / 86_400,
            (one.ends_at - NOON).total_seconds() / 86_400,
            sorted(item["unit_amount_decimal"] for item in one.items),
        )
        for one in periods(lines)
    ]


def test_periods_that_follow_one_another_and_a_gap_between_them() -> None:
    lines = [line(0, 30, "p", "1"), line(30.5, 60, "p", "1"), line(90, 120, "p", "1")]
    assert told(*lines) == [(0, 30.5, ["1"]), (30.5, 60, ["1"]), (90, 120, ["1"])]


def test_items_of_different_intervals_are_in_force_together() -> None:
    lines = [line(0, 365, "year", "y"), line(0, 30, "month", "m"), line(30, 60, "month", "n")]
    assert told(*lines) == [(0, 30, ["m", "y"]), (30, 60, ["n", "y"]), (60, 365, ["y"])]


def test_a_change_within_a_period_ends_what_is_credited_and_begins_what_is_charged() -> None:
    change = [line(10, 30, "p", credit=True, change=True), line(10, 30, "q", "2", change=True)]
    assert told(line(0, 30, "p", "1"), *change) == [(0, 10, ["1"]), (10, 30, ["2"])]


def test_a_change_to_what_is_not_known_is_seen_with_the_next_whole_period() -> None:
    change = [line(10, 30, "p", credit=True, change=True), line(10, 30, "q", change=True)]
    lines = [line(0, 30, "p", "1"), *change, line(30, 60, "q", "2")]
    assert told(*lines) == [(0, 30, ["1"]), (30, 60, ["2"])]


def test_an_item_that_was_removed_is_only_credited() -> None:
    lines = [line(0, 30, "p", "1"), line(0, 30, "q", "2")]
    removed = line(10, 30, "q", credit=True, change=True)
    assert told(*lines, removed) == [(0, 10, ["1", "2"]), (10, 30, ["1"])]
