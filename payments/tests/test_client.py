"""The client: its key, its address, its pace, whole lists, plain JSON."""

from __future__ import annotations

import json
import threading

import pytest
import stripe
from django.db import transaction
from pytest_django.fixtures import Settings

from payments.client import (
    CallInTransaction,
    NotConfigured,
    Pace,
    complete,
    get,
    pages,
    plain,
    stripe_client,
)
from payments.tests.conftest import Shop
from standin import StandIn


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_without_a_key_there_is_no_client(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(NotConfigured, match="STRIPE_API_KEY isn't set"):
        stripe_client()


@pytest.mark.parametrize("key", ["sk_live_secret\n", "sk_live_se cret", "sk_live_secr\xe9t"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(settings: Settings, key: str) -> None:
    settings.STRIPE_API_KEY = key
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    with pytest.raises(NotConfigured, match="isn't a key") as caught:
        get(stripe_client(), "/v1/account")
    assert "secr" not in str(caught.value)


@pytest.mark.parametrize(
    "base",
    ["http://api.example.com", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "127.0.0.1:80"],
)
def test_a_key_never_travels_unencrypted(settings: Settings, base: str) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"
    settings.STRIPE_API_BASE = base
    with pytest.raises(NotConfigured, match="unencrypted"):
        stripe_client()


@pytest.mark.parametrize(
    "base", ["", "https://stripe.example.com", "http://127.0.0.1:12111", "http://[::1]:12111"]
)
def test_stripe_itself_https_and_this_machine_are_trusted(settings: Settings, base: str) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"
    settings.STRIPE_API_BASE = base
    assert stripe_client() is stripe_client()


@pytest.mark.django_db(transaction=True)
def test_a_call_in_a_transaction_is_refused_before_anything_is_sent(standin: StandIn) -> None:
    client = stripe_client()
    with transaction.atomic(), pytest.raises(CallInTransaction):
        client.v1.customers.create({"email": "ada@example.com"})
    assert "customer" not in standin.state()["objects"]
    client.v1.customers.create({"email": "ada@example.com"})
    assert standin.state()["objects"]["customer"] == 1


def test_answers_are_in_the_version_of_the_sdk(standin: StandIn) -> None:
    answer = get(stripe_client(), "/v1/customers")
    assert answer.api_version == stripe.api_version
    assert answer.body["object"] == "list"


def test_a_list_comes_whole_and_newest_first(standin: StandIn) -> None:
    made = [
        standin.api("POST", "/v1/customers", {"email": f"c{n}@example.com"})["id"]
        for n in range(205)
    ]
    found = list(pages(stripe_client(), "/v1/customers"))
    assert [len(page.objects) for page in found] == [100, 100, 5]
    assert [obj["id"] for page in found for obj in page.objects] == made[::-1]
    assert found[0].as_of <= found[1].as_of <= found[2].as_of


def test_a_list_goes_on_behind_an_object(standin: StandIn) -> None:
    made = [standin.api("POST", "/v1/customers", {})["id"] for _ in range(4)]
    found = list(pages(stripe_client(), "/v1/customers", starting_after=made[2]))
    assert [obj["id"] for page in found for obj in page.objects] == [made[1], made[0]]


def test_an_embedded_list_is_completed(shop: Shop) -> None:
    session = shop.call(
        "checkout/sessions",
        mode="payment",
        line_items=[{"price": shop["price"], "quantity": n + 1} for n in range(12)],
    )
    path = f"/v1/checkout/sessions/{session['id']}"
    answer = get(stripe_client(), path, {"expand": ["line_items"]})
    assert answer.body["line_items"]["has_more"] is True
    lines = complete(stripe_client(), answer.body)["line_items"]
    assert [line["quantity"] for line in lines["data"]] == list(range(1, 13))
    assert lines["has_more"] is False


def test_plain_is_json_and_keeps_decimals_as_they_came(shop: Shop) -> None:
    shop.call("prices", product=shop["product"], currency="usd", unit_amount_decimal="0.5")
    price = stripe_client().v1.prices.list({"limit": 1}).data[0]
    told = json.loads(json.dumps(plain(price)))
    assert told == shop.standin.get(price.id)
    assert told["unit_amount_decimal"] == "0.5"


def test_a_rate_limit_is_waited_out(standin: StandIn) -> None:
    standin.add_fault(429, count=3, retry_after=0)
    assert get(stripe_client(), "/v1/customers").body["data"] == []


def test_a_rate_limit_that_doesnt_end_is_an_error(standin: StandIn) -> None:
    standin.add_fault(429, count=100, retry_after=0)
    with pytest.raises(stripe.RateLimitError):
        get(stripe_client(), "/v1/customers")


def test_retry_after_holds_everybody_back(standin: StandIn, settings: Settings) -> None:
    time = FakeTime()
    pace = Pace(10, 1, clock=time.clock, sleep=time.sleep)
    pace.take()
    pace.pause(7.0)
    pace.take()
    assert time.now == pytest.approx(107.1)
    pace.take()
    assert time.now == pytest.approx(107.2)


def test_the_pace_is_kept_after_a_burst() -> None:
    time = FakeTime()
    pace = Pace(20, 4, clock=time.clock, sleep=time.sleep)
    for _ in range(4):
        pace.take()
    assert time.slept == []
    for _ in range(20):
        pace.take()
    assert time.now == pytest.approx(101.0)
    time.now += 60
    for _ in range(5):
        pace.take()
    assert len(time.slept) == 21  # an idle minute saves up no more than the burst


def test_threads_share_one_pace() -> None:
    lock = threading.Lock()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    pace = Pace(10, 1, clock=lambda: 0.0, sleep=sleep)
    threads = [threading.Thread(target=pace.take) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # At one instant, thirty threads are sent away for 0.1, 0.2, … 2.9 seconds.
    assert sorted(slept) == pytest.approx([n / 10 for n in range(1, 30)])
