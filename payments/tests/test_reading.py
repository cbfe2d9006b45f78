"""Wishes for reads are fulfilled, once, and none is lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import stripe
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import inbox, processing, reading, reads
from payments.client import CallInTransaction
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    InvoicePayment,
    ReadRequest,
    Refund,
    Source,
    StripeEvent,
    Subscription,
)
from payments.tests.conftest import Shop
from standin import StandIn

pytestmark = pytest.mark.django_db

# What each kind brings, by the type of the object; the key is the shop's object of ``key``.
BRINGS = {
    "balance_transaction": ("balance_transaction", "balance_transaction"),
    "charge": ("charge", "charge"),
    "charge.refunds": ("charge", "refund"),
    "checkout.session": ("checkout.session", "checkout.session"),
    "coupon": ("coupon", "coupon"),
    "customer": ("customer", "customer"),
    "dispute": ("dispute", "dispute"),
    "invoice": ("invoice", "invoice"),
    "invoice.payments": ("invoice", "invoice_payment"),
    "invoice_payment": ("invoice_payment", "invoice_payment"),
    "payment_intent": ("payment_intent", "payment_intent"),
    "payment_intent.origin": ("payment_intent", "checkout.session"),
    "payout": ("payout", "payout"),
    "payout.balance_transactions": ("payout", "balance_transaction"),
    "price": ("price", "price"),
    "product": ("product", "product"),
    "refund": ("refund", "refund"),
    "subscription": ("subscription", "subscription"),
    "webhook_endpoint": ("webhook_endpoint", "webhook_endpoint"),
}


def due_again(**when: int) -> timedelta:
    """How long the one request that there is waits."""
    return ReadRequest.objects.get().not_before - timezone.now()


def test_every_kind_is_tried_here() -> None:
    assert set(BRINGS) == set(reading.READERS)


@pytest.mark.parametrize("kind", BRINGS)
def test_a_read_ends_in_the_inbox(shop: Shop, kind: str) -> None:
    key, object_type = BRINGS[kind]
    before = timezone.now().replace(microsecond=0)
    reads.request([(kind, shop[key])])
    assert reading.drain() == reading.Read(read=1)
    assert not ReadRequest.objects.exists()
    stored = StripeEvent.objects.filter(object_type=object_type, object_id=shop[object_type])
    event = stored.get()
    assert event.source == Source.READ
    assert event.type == f"read.{object_type}"
    assert event.api_version == stripe.api_version
    assert before <= event.as_of <= timezone.now()
    assert event.payload["data"]["object"]["id"] == shop[object_type]


def test_a_payout_tells_its_transactions_whose_they_are(shop: Shop) -> None:
    reads.request([("payout.balance_transactions", shop["payout"])])
    reading.drain()
    assert processing.drain().failed == 0
    held = BalanceTransaction.objects.filter(payout_id=shop["payout"])
    assert shop["balance_transaction"] in held.values_list("id", flat=True)
    everything = shop.standin.api(
        "GET", "/v1/balance_transactions", {"payout": shop["payout"], "limit": 100}
    )
    assert held.count() == len(everything["data"])


def test_a_charge_brings_its_balance_transaction_along(shop: Shop) -> None:
    reads.request([("charge", shop["charge"])])
    reading.drain()
    processing.drain()
    assert Charge.objects.get().balance_transaction_id == shop["balance_transaction"]
    assert BalanceTransaction.objects.filter(id=shop["balance_transaction"]).exists()


def test_a_session_has_all_its_lines_even_beyond_a_hundred(shop: Shop) -> None:
    session = shop.call(
        "checkout/sessions",
        mode="payment",
        line_items=[{"price": shop["price"], "quantity": n + 1} for n in range(120)],
    )
    reads.request([("checkout.session", session["id"])])
    reading.drain()
    processing.drain()
    lines = CheckoutSession.objects.get().line_items
    assert lines is not None
    assert [line["quantity"] for line in lines] == list(range(1, 121))


def test_a_subscription_shows_its_coupons(shop: Shop) -> None:
    reads.request([("subscription", shop["subscription"])])
    reading.drain()
    processing.drain()
    assert [entry["coupon"] for entry in Subscription.objects.get().discounts] == [shop["coupon"]]


def test_the_origin_of_an_invoices_intent_is_the_invoice(shop: Shop) -> None:
    payment = shop.standin.get(shop["invoice_payment"])
    reads.request([("payment_intent.origin", payment["payment"]["payment_intent"])])
    reading.drain()
    processing.drain()
    assert InvoicePayment.objects.get().invoice_id == shop["invoice"]
    assert not CheckoutSession.objects.exists()


def test_an_origin_that_an_event_has_told_of_meanwhile_isnt_asked_for(shop: Shop) -> None:
    sold, billed = shop["payment_intent"], shop.standin.get(shop["invoice_payment"])["payment"]
    told = [shop.standin.get(shop[kind]) for kind in ("checkout.session", "invoice_payment")]
    inbox.store(
        [
            inbox.read_observation(each, as_of=timezone.now(), api_version=stripe.api_version)
            for each in told
        ],
        Source.READ,
    )
    processing.drain()
    ReadRequest.objects.all().delete()
    reads.request([(reads.ORIGIN, key) for key in (sold, billed["payment_intent"])])
    assert reading.drain() == reading.Read()
    assert not ReadRequest.objects.exists()


def test_a_read_may_be_wanted_for_later(shop: Shop) -> None:
    soon = timezone.now() + timedelta(seconds=30)
    reads.request(
        [("charge", shop["charge"]), ("refund", shop["refund"])], not_before={shop["charge"]: soon}
    )
    assert reading.drain().read == 1
    waiting = ReadRequest.objects.get()
    assert (waiting.key, waiting.not_before) == (shop["charge"], soon)


def test_an_intent_that_came_from_nothing_is_read_all_the_same(standin: StandIn) -> None:
    intent = standin.create_payment(1000)
    reads.request([("payment_intent.origin", intent["id"])])
    assert reading.drain().read == 1
    assert not StripeEvent.objects.exists()
    assert not ReadRequest.objects.exists()


def test_live_objects_without_a_mode_get_the_keys(settings: Settings) -> None:
    with StandIn(livemode=True) as standin:
        settings.STRIPE_API_KEY = standin.live_secret_key
        settings.STRIPE_API_BASE = standin.url
        charge = standin.get(standin.create_payment(1000)["latest_charge"])
        refund = standin.api("POST", "/v1/refunds", {"charge": charge["id"]})
        assert "livemode" not in refund
        reads.request([("refund", refund["id"])])
        reading.drain()
        processing.drain()
        assert Refund.objects.get().livemode is True


def test_a_deleted_customer_is_stored_as_deleted(shop: Shop) -> None:
    shop.standin.api("DELETE", f"/v1/customers/{shop['customer']}", {})
    reads.request([("customer", shop["customer"])])
    assert reading.drain().read == 1
    event = StripeEvent.objects.get()
    assert event.payload["data"]["object"]["deleted"] is True
    processing.drain()
    assert not Customer.objects.filter(deleted=False).exists()


def test_what_is_gone_is_asked_for_no_more(
    standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    reads.request([("charge", "ch_gone"), ("coupon", "gone")])
    assert reading.drain() == reading.Read(missing=2)
    assert not ReadRequest.objects.exists()
    assert "charge ch_gone is gone from Stripe" in caplog.text


@pytest.mark.parametrize(
    ("status", "code", "message", "gone"),
    [
        (404, "resource_missing", "No such customer: 'cus_1'", True),
        (400, "resource_missing", "No such charge: 'ch_1'", True),
        (400, "parameter_invalid_empty", "You passed an empty string", False),
        (
            404,
            "resource_missing",
            "No such customer: 'cus_1'; a similar object exists in live mode, but a test mode key "
            "was used to make this request.",
            False,
        ),
    ],
)
def test_gone_is_what_stripe_has_in_no_mode(
    status: int, code: str, message: str, gone: bool
) -> None:
    error = stripe.InvalidRequestError(message, "id", code, http_status=status)
    assert reading.is_gone(error) is gone


def test_a_missing_permission_is_named_and_waits(standin: StandIn, settings: Settings) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", {"customer": "read"})
    customer = standin.api("POST", "/v1/customers", {})["id"]
    reads.request([("charge", "ch_1"), ("customer", customer)])
    assert reading.drain() == reading.Read(read=1, failed=1)
    request = ReadRequest.objects.get()
    assert "rak_charge_read" in request.error
    assert request.attempts == 1
    assert timedelta(seconds=20) < due_again() <= timedelta(seconds=30)


def test_each_failure_waits_longer_up_to_six_hours(standin: StandIn) -> None:
    settings_key = "rk_test_nothing"
    standin.add_key(settings_key, {})
    client = stripe.StripeClient(settings_key, base_addresses={"api": standin.url})
    reads.request([("charge", "ch_1")])
    waits = []
    for _ in range(14):
        ReadRequest.objects.update(not_before=timezone.now())
        reading.drain(client=client)
        waits.append(round(due_again().total_seconds()))
    assert waits[:4] == [30, 60, 120, 240]
    assert waits[-1] == 6 * 60 * 60
    assert ReadRequest.objects.get().attempts == 14


def test_an_unreachable_stripe_leaves_the_rest_for_later(settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"
    client = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": "http://127.0.0.1:9"}, max_network_retries=0
    )
    reads.request([("charge", f"ch_{n}") for n in range(3)])
    result = reading.drain(client=client)
    assert result.failed == 1
    assert "can't be reached" in result.note
    assert ReadRequest.objects.exclude(error="").count() == 1
    assert (
        ReadRequest.objects.filter(not_before__lte=timezone.now() + timedelta(minutes=1)).count()
        == 3
    )


def test_a_refused_key_leaves_the_rest_for_later(standin: StandIn, settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_unknown"
    reads.request([("charge", "ch_1"), ("charge", "ch_2")])
    result = reading.drain()
    assert result.failed == 1
    assert "Invalid API Key" in result.note


def test_an_unknown_kind_fails_alone(shop: Shop) -> None:
    reads.request([("charge.horoscope", "ch_1"), ("coupon", shop["coupon"])])
    assert reading.drain() == reading.Read(read=1, failed=1)
    assert "charge.horoscope" in ReadRequest.objects.get().error


def test_without_a_key_nothing_is_claimed(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    reads.request([("charge", "ch_1")])
    assert "STRIPE_API_KEY isn't set" in reading.drain().note
    assert ReadRequest.objects.filter(not_before__lte=timezone.now(), error="").exists()


def test_no_more_than_the_limit_is_read(standin: StandIn) -> None:
    for _ in range(5):
        reads.request([("customer", standin.api("POST", "/v1/customers", {})["id"])])
    assert reading.drain(3).read == 3
    assert ReadRequest.objects.count() == 2


def test_a_request_that_isnt_due_waits(standin: StandIn) -> None:
    reads.request([("charge", "ch_1")])
    ReadRequest.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    assert reading.drain() == reading.Read()


def test_a_claimed_request_is_left_alone_while_its_lease_runs(shop: Shop) -> None:
    reads.request([("charge", shop["charge"])])
    reading._claim(1)
    assert reading.drain() == reading.Read()
    ReadRequest.objects.update(not_before=F("not_before") - reading.LEASE)
    assert reading.drain().read == 1


def test_a_wish_that_comes_during_the_read_is_still_open(shop: Shop) -> None:
    reads.request([("charge", shop["charge"])])
    (claimed,) = reading._claim(1)
    reads.request([("charge", shop["charge"])])
    reading._fulfilled(claimed)
    request = ReadRequest.objects.get()
    assert request.requested == 2
    assert request.not_before <= timezone.now()
    assert reading.drain().read == 1
    assert not ReadRequest.objects.exists()


def test_a_read_costs_two_statements(standin: StandIn, queries) -> None:
    reads.request([("customer", standin.api("POST", "/v1/customers", {})["id"]) for _ in range(20)])
    with queries() as counted:
        assert reading.drain().read == 20
    # Each read stores its answer and takes its wish away; claiming costs the same for all.
    sent = [query for query in counted if "SAVEPOINT" not in query["sql"]]
    assert len(sent) <= 20 * 2 + 5


@pytest.mark.django_db(transaction=True)
def test_reading_in_a_transaction_is_refused(standin: StandIn) -> None:
    reads.request([("charge", "ch_1")])
    with transaction.atomic(), pytest.raises(CallInTransaction):
        reading.drain()
    assert ReadRequest.objects.get().not_before <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_two_readers_never_read_the_same(standin: StandIn) -> None:
    keys = [standin.api("POST", "/v1/customers", {})["id"] for _ in range(40)]
    reads.request([("customer", key) for key in keys])
    barrier = threading.Barrier(3)
    results: list[reading.Read] = []

    def read() -> None:
        try:
            barrier.wait()
            results.append(reading.drain())
        finally:
            connection.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.read for result in results) == 40
    assert StripeEvent.objects.filter(type="read.customer").count() == 40
