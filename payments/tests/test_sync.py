"""Listing an account into the inbox: whole, in the right window, and going on after a break."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import inbox, reads, sync
from payments.client import CallInTransaction
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Coupon,
    Customer,
    Dispute,
    Invoice,
    InvoicePayment,
    PaymentIntent,
    Payout,
    Price,
    Product,
    ReadRequest,
    Refund,
    Source,
    StripeEvent,
    Subscription,
    SyncCursor,
)
from payments.tests.conftest import Shop, customers
from standin import StandIn

pytestmark = pytest.mark.django_db

MODELS = (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Coupon,
    Customer,
    Dispute,
    Invoice,
    InvoicePayment,
    PaymentIntent,
    Payout,
    Price,
    Product,
    Refund,
    Subscription,
)


def held() -> set[str]:
    return set(Customer.objects.values_list("id", flat=True))


def test_everything_that_stripe_has_is_mirrored(shop: Shop) -> None:
    result = sync.sync()
    assert result.refused == []
    assert (result.failed, result.dead) == (0, 0)
    assert not ReadRequest.objects.exists()
    counts = shop.standin.state()["objects"]
    for model in MODELS:
        mirrored = set(model._default_manager.values_list("id", flat=True))
        # Those without a list of their own aren't objects of ours.
        assert len(mirrored) == counts[model.OBJECT], model.OBJECT
        if model.OBJECT in shop.ids:
            assert shop[model.OBJECT] in mirrored


def test_amounts_agree_with_stripes(shop: Shop) -> None:
    sync.sync()
    for charge in Charge.objects.all():
        theirs = shop.standin.get(charge.id)
        assert charge.amount_captured == theirs["amount_captured"]
        assert charge.amount_refunded == theirs["amount_refunded"]
    transactions = BalanceTransaction.objects.all()
    assert sum(t.net for t in transactions) == sum(
        shop.standin.get(t.id)["net"] for t in transactions
    )
    assert BalanceTransaction.objects.filter(payout_id=shop["payout"]).exists()
    lines = CheckoutSession.objects.get().line_items
    assert lines is not None
    assert lines[0]["quantity"] == 2


def test_inactive_prices_are_listed_too(shop: Shop) -> None:
    shop.call(f"prices/{shop['price']}", active="false")
    sync.sync(only=["prices"])
    assert Price.objects.get(id=shop["price"]).active is False


def test_canceled_subscriptions_are_listed_too(shop: Shop) -> None:
    shop.standin.api("DELETE", f"/v1/subscriptions/{shop['subscription']}", {})
    sync.sync(only=["subscriptions"])
    assert Subscription.objects.get().status == "canceled"


def test_listed_events_keep_their_own_version_and_say_that_they_were_listed(
    standin: StandIn,
) -> None:
    standin.set_settings(api_version="2022-11-15")
    standin.create_payment(1000)
    standin.set_settings(api_version=stripe.api_version)
    standin.create_payment(2000)
    sync.sync(only=["events"])
    versions = StripeEvent.objects.filter(type="payment_intent.succeeded")
    assert set(versions.values_list("api_version", flat=True)) == {
        "2022-11-15",
        stripe.api_version,
    }
    assert set(versions.values_list("source", flat=True)) == {Source.LISTED}


def test_an_event_that_came_by_webhook_isnt_stored_again(standin: StandIn) -> None:
    standin.create_payment(1000)
    events = standin.events_since(0)
    inbox.receive(json.dumps(events[0]).encode())
    result = sync.sync(only=["events"])
    assert result.resources[0].listed == len(events)
    assert result.resources[0].stored == len(events) - 1


def test_since_leaves_out_what_is_older(standin: StandIn) -> None:
    standin.set_now(int(timezone.now().timestamp()) - 10 * 86400)
    customers(standin, 2)
    standin.set_now(None)
    recent = customers(standin, 3)
    result = sync.sync(since=timezone.now() - timedelta(days=7), only=["customers"])
    assert result.resources[0].listed == 3
    assert held() == set(recent)


def test_an_interrupted_list_goes_on_where_it_stopped(standin: StandIn) -> None:
    everyone = customers(standin, 250)
    client = stripe.StripeClient(
        standin.secret_key, base_addresses={"api": standin.url}, max_network_retries=0
    )

    def break_off(listed: sync.Listed) -> None:
        if listed.listed == 100 and not listed.done:
            standin.add_fault(500)

    first = sync.sync(only=["customers"], client=client, progress=break_off)
    assert first.resources[0].listed == 100
    assert first.refused
    assert held() == set(everyone[:100])
    newer = customers(standin, 2)
    second = sync.sync(only=["customers"], client=client)
    assert second.resources[0].resumed
    assert second.refused == []
    assert held() == {*newer, *everyone}
    # The rest, and once more those made since the list was begun: all of them, in this test.
    assert second.resources[0].stored <= 150 + 252
    cursor = SyncCursor.objects.get()
    assert cursor.finished_at is not None
    assert cursor.error == ""


def test_what_was_made_during_the_break_is_found_without_listing_all_again(
    standin: StandIn,
) -> None:
    now = int(timezone.now().timestamp())
    standin.set_now(now - 30 * 86400)
    old = customers(standin, 150)
    standin.set_now(None)
    SyncCursor.objects.create(
        resource="customers", starting_after=old[99], started_at=timezone.now()
    )
    new = customers(standin, 3)
    result = sync.sync(only=["customers"])
    assert result.resources[0].listed == 50 + 3
    assert held() == {*old[100:], *new}


def test_restart_lists_from_the_start(standin: StandIn) -> None:
    everyone = customers(standin, 3)
    SyncCursor.objects.create(
        resource="customers", starting_after=everyone[1], started_at=timezone.now()
    )
    result = sync.sync(only=["customers"], restart=True)
    assert not result.resources[0].resumed
    assert result.resources[0].listed == 3


def test_a_list_whose_place_was_deleted_starts_anew(standin: StandIn) -> None:
    everyone = customers(standin, 3)
    standin.api("DELETE", f"/v1/customers/{everyone[1]}", {})
    SyncCursor.objects.create(
        resource="customers", starting_after=everyone[1], started_at=timezone.now()
    )
    result = sync.sync(only=["customers"])
    assert result.refused == []
    assert held() == {everyone[0], everyone[2]}


def test_a_finished_list_starts_anew(standin: StandIn) -> None:
    customers(standin, 3)
    sync.sync(only=["customers"])
    assert sync.sync(only=["customers"]).resources[0].listed == 3


def test_a_window_doesnt_take_the_place_of_the_whole_list(standin: StandIn) -> None:
    everyone = customers(standin, 3)
    SyncCursor.objects.create(
        resource="customers", starting_after=everyone[1], started_at=timezone.now()
    )
    sync.sync(only=["customers"], since=timezone.now() - timedelta(days=1))
    assert SyncCursor.objects.get(pk="customers").starting_after == everyone[1]
    assert SyncCursor.objects.get(pk="customers:since").finished_at is not None


def test_an_interrupted_window_goes_on_when_it_is_typed_again(standin: StandIn) -> None:
    everyone = customers(standin, 3)
    began = timezone.now() - timedelta(hours=2)
    SyncCursor.objects.create(
        resource="customers:since",
        since=began - timedelta(days=7),
        starting_after=everyone[1],
        started_at=began,
    )
    week = timezone.now() - timedelta(days=7)
    assert sync.sync(only=["customers"], since=week).resources[0].resumed


@pytest.mark.parametrize("days", [3, 30])
def test_another_window_starts_anew(standin: StandIn, days: int) -> None:
    everyone = customers(standin, 3)
    SyncCursor.objects.create(
        resource="customers:since",
        since=timezone.now() - timedelta(days=7),
        starting_after=everyone[1],
        started_at=timezone.now(),
    )
    since = timezone.now() - timedelta(days=days)
    assert not sync.sync(only=["customers"], since=since).resources[0].resumed


def test_an_object_that_cant_be_kept_holds_up_no_other(standin: StandIn) -> None:
    first = customers(standin, 1)
    deep: dict[str, object] = {}
    for _ in range(120):
        deep = {"deeper": deep}
    bad = standin.api("POST", "/v1/customers", {})["id"]
    standin.world.of("customer").items[bad]["address"] = deep
    result = sync.sync(only=["customers"])
    assert held() == set(first)
    assert "nested" in result.refused[0].error


@pytest.mark.django_db(transaction=True)
def test_listing_in_a_transaction_is_refused(standin: StandIn) -> None:
    with transaction.atomic(), pytest.raises(CallInTransaction):
        sync.sync(only=["customers"])


@pytest.mark.django_db(transaction=True)
def test_a_page_and_its_place_are_stored_together(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers(standin, 3)
    save = SyncCursor.save

    def break_off(cursor: SyncCursor, **options: Any) -> None:
        if "starting_after" in options.get("update_fields", ()):
            raise KeyboardInterrupt
        save(cursor, **options)

    monkeypatch.setattr(SyncCursor, "save", break_off)
    with pytest.raises(KeyboardInterrupt):
        sync.sync(only=["customers"])
    assert SyncCursor.objects.get().starting_after == ""
    assert not StripeEvent.objects.exists()


def test_what_whole_lists_have_answered_isnt_asked_again(shop: Shop) -> None:
    intent = shop.standin.create_payment(1000)["id"]
    reads.request([("payment_intent.origin", intent), ("invoice.payments", shop["invoice"])])
    result = sync.sync()
    assert not ReadRequest.objects.exists()
    # A payout's transactions can't be known otherwise; everything else was listed.
    assert result.read == 1
    assert not StripeEvent.objects.filter(error__gt="").exists()


def test_without_the_sessions_an_intents_origin_is_asked(
    standin: StandIn, settings: Settings
) -> None:
    intent = standin.create_payment(1000)["id"]
    scopes = {"*": "read", "checkout_session": "none"}
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", scopes)
    reads.request([("payment_intent.origin", intent)])
    result = sync.sync()
    assert [listed.resource for listed in result.refused] == ["checkout_sessions"]
    assert "rak_checkout_session_read" in ReadRequest.objects.get(key=intent).error


def test_a_window_answers_only_for_intents_whose_session_lies_within(standin: StandIn) -> None:
    now = int(timezone.now().timestamp())
    standin.set_now(now - 6 * 86400 - 3600)
    early = standin.create_payment(1000)["id"]
    standin.set_now(now - 5 * 86400)
    late = standin.create_payment(1000)["id"]
    standin.set_now(None)
    requests = [("payment_intent.origin", early), ("payment_intent.origin", late)]
    reads.request(requests)
    # Not yet due, so that what is left can be seen.
    ReadRequest.objects.update(not_before=timezone.now() + timedelta(hours=1))
    sync.sync(since=timezone.now() - timedelta(days=7) + timedelta(hours=1))
    assert set(ReadRequest.objects.values_list("key", flat=True)) == {early}
