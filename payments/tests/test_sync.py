"""Listing an account into the inbox: whole, in the right window, and going on after a break."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from payments import inbox, reads, sync
from payments.client import CallInTransaction
from payments.management.commands.sync_stripe import parse_since
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
from payments.tests.conftest import Shop
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


def run(*arguments: str) -> str:
    """What ``sync_stripe`` prints."""
    output = io.StringIO()
    call_command("sync_stripe", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def customers(standin: StandIn, count: int) -> list[str]:
    """Ids of new customers, in the order in which they are listed."""
    made = [standin.api("POST", "/v1/customers", {})["id"] for _ in range(count)]
    return made[::-1]


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
    import json

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


def test_a_refused_resource_stops_no_other_and_is_told(
    standin: StandIn, settings: Settings
) -> None:
    customers(standin, 1)
    scopes = {"*": "read", "charge": "none", "payout": "none"}
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", scopes)
    with pytest.raises(CommandError) as caught:
        run()
    assert caught.value.returncode == 1
    assert "rak_charge_read" in str(caught.value)
    assert "rak_payout_read" in str(caught.value)
    assert len(held()) == 1
    assert set(SyncCursor.objects.exclude(error="").values_list("pk", flat=True)) == {
        "charges",
        "refunds",
        "payouts",
    }


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


def test_catching_up_finds_events_that_never_arrived_and_transactions(standin: StandIn) -> None:
    standin.webhook_mode(drop=True)
    intent = standin.create_payment(1000)
    standin.add_fee(500)
    sync.catch_up()
    assert PaymentIntent.objects.get(id=intent["id"]).status == "succeeded"
    assert BalanceTransaction.objects.filter(reporting_category="fee").get().net == -500


def test_catching_up_looks_back_to_the_last_time_that_ended(standin: StandIn) -> None:
    now = timezone.now()
    SyncCursor.objects.create(
        resource="events:recent",
        since=now - timedelta(days=2),
        started_at=now - timedelta(hours=5),
        finished_at=now - timedelta(hours=5),
    )
    SyncCursor.objects.create(
        resource="balance_transactions:recent",
        since=now - timedelta(days=9),
        started_at=now - timedelta(hours=5),
        error="refused",
    )
    sync.catch_up(now)
    events, transactions = SyncCursor.objects.order_by("-resource")
    assert events.since == now - timedelta(hours=6)
    assert transactions.since == now - timedelta(days=9)
    assert {events.error, transactions.error} == {""}


def test_catching_up_never_looks_back_further_than_events_can_be_listed(standin: StandIn) -> None:
    now = timezone.now()
    SyncCursor.objects.create(
        resource="events:recent", since=now - timedelta(days=70), started_at=now
    )
    sync.catch_up(now)
    assert SyncCursor.objects.get(pk="events:recent").since == now - timedelta(days=30)


def test_catching_up_is_audited_only_if_it_found_something(standin: StandIn) -> None:
    sync.catch_up()
    assert not AuditEvent.objects.exists()
    standin.create_payment(1000)
    sync.catch_up()
    assert AuditEvent.objects.get().actor_name == "job:sync_stripe"


def test_catching_up_says_what_is_refused(
    standin: StandIn, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", {"event": "read"})
    sync.catch_up()
    assert "balance_transactions can't be listed" in caplog.text
    assert AuditEvent.objects.get().after["refused"].keys() == {"balance_transactions"}


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


def test_a_run_is_audited(standin: StandIn) -> None:
    customers(standin, 2)
    run("--only", "customers,coupons")
    event = AuditEvent.objects.get()
    assert event.action == "stripe.sync"
    assert event.actor_name == "job:sync_stripe"
    assert event.after["listed"] == {"customers": 2, "coupons": 0}
    assert event.after["new"] == 2


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


def test_output_has_a_line_a_resource(standin: StandIn) -> None:
    customers(standin, 2)
    lines = run("--only", "products,customers").splitlines()
    assert lines == [
        "customers: 2 listed, 2 new",
        "products: 0 listed, 0 new",
        "2 listed, 2 new; 0 read singly; 2 processed, 0 failed, 0 dead.",
    ]


def test_a_terminal_gets_a_bar(standin: StandIn) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    customers(standin, 102)
    output = Terminal()
    call_command("sync_stripe", "--only=customers,coupons", "--since=1d", stdout=output)
    shown = [line.rstrip() for line in output.getvalue().replace("\n", "\r").split("\r") if line]
    assert shown[-2] == "[########################] 100%  coupons: 0 listed, 0 new"
    assert shown[0].startswith("[")
    assert "customers: 100 listed, 100 new, back to" in shown[0]
    shares = [int(line[26:].split("%")[0]) for line in shown[:-1]]
    assert shares == sorted(shares)


def test_an_unknown_resource_is_named_with_those_there_are(standin: StandIn) -> None:
    with pytest.raises(CommandError, match="nothing called horoscopes; there are customers, "):
        run("--only", "charges,horoscopes")


def test_without_a_key_the_command_says_so(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(CommandError, match="STRIPE_API_KEY isn't set"):
        run()


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-11-01T10:30:00Z", datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
        ("2026-11-01 10:30+02:00", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_a_day_or_a_time(settings: Settings, text: str, expected: datetime) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    assert parse_since(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "7w", "2026-13-01", "-7d", "2027-01-01"])
def test_since_that_means_no_past_time_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        parse_since(text, NOW)


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
