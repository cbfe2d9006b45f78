"""Stripe's own balance is read beside its transactions, and kept where both are known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import balance, inbox, processing, sync
from payments.client import Answer
from payments.models import BalanceReading, BalanceTransaction, Source, StripeEvent
from payments.replay import verify
from standin import StandIn

pytestmark = pytest.mark.django_db


def test_the_whole_list_brings_the_balance_of_that_moment(standin: StandIn) -> None:
    standin.create_payment(10_000)
    before = timezone.now().replace(microsecond=0)
    sync.sync(only=["balance_transactions"])
    reading = BalanceReading.objects.get()
    assert reading.amounts == {
        "payments": {"usd": {"available": 0, "pending": 9_680}},
        "refund_and_dispute_prefunding": {},
    }
    assert reading.whole_history
    assert reading.created == reading.as_of
    assert before <= reading.created <= timezone.now()
    event = StripeEvent.objects.get(object_type="balance")
    assert (event.type, event.source, event.status) == ("read.balance", "read", "processed")
    assert list(verify()) == []


def test_the_regular_run_reads_it_too_and_knows_a_part_of_the_history(standin: StandIn) -> None:
    standin.create_payment(10_000)
    sync.catch_up()
    assert not BalanceReading.objects.get().whole_history
    assert BalanceTransaction.objects.exists()


def test_a_window_is_a_part_of_the_history_and_other_lists_bring_no_balance(
    standin: StandIn,
) -> None:
    sync.sync(only=["charges"])
    assert not BalanceReading.objects.exists()
    sync.sync(only=["balance_transactions"], since=timezone.now() - timedelta(days=2))
    assert not BalanceReading.objects.get().whole_history


def test_it_is_not_kept_where_the_transactions_could_not_be_listed(
    standin: StandIn, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", {"balance": "read"})
    result = sync.sync(only=["balance_transactions"])
    assert [refused.resource for refused in result.refused] == ["balance_transactions"]
    assert not StripeEvent.objects.exists()


def test_a_key_that_may_not_read_it_is_told(standin: StandIn, settings: Settings) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", {"*": "read", "balance": "none"})
    [refused] = sync.sync(only=["balance_transactions"]).refused
    assert refused.resource == "balance"
    assert "rak_balance_read" in refused.error


def test_an_api_without_a_balance_is_no_error(standin: StandIn) -> None:
    standin.add_fault(404, path="/v1/balance")
    result = sync.sync(only=["balance_transactions"])
    assert result.refused == []
    assert not BalanceReading.objects.exists()


def test_an_answer_that_was_long_in_coming_is_of_no_known_moment(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balance, "SLOWEST", timedelta(0))
    sync.catch_up()
    assert not BalanceReading.objects.exists()


def kept(**body: Any) -> BalanceReading:
    """The reading that comes of an answer of Stripe's."""
    whole = {"object": "balance", "livemode": False, "available": [], "pending": [], **body}
    answer = Answer(whole, timezone.now(), "2026-10-28.endive", {})
    balance.keep(answer, whole_history=False)
    processing.drain()
    return BalanceReading.objects.get()


def held(amount: int, currency: str = "eur") -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def test_each_balance_stands_under_the_name_that_transactions_give_it() -> None:
    reading = kept(
        available=[held(-500), held(7, "jpy")],
        pending=[held(900)],
        instant_available=[held(300)],
        connect_reserved=[held(40)],
        issuing={"available": [held(60)]},
        refund_and_dispute_prefunding={"available": [held(5)], "pending": [held(6)]},
    )
    assert reading.amounts == {
        "payments": {
            "eur": {"available": -500, "pending": 900},
            "jpy": {"available": 7, "pending": 0},
        },
        "issuing": {"eur": {"available": 60, "pending": 0}},
        "refund_and_dispute_prefunding": {"eur": {"available": 5, "pending": 6}},
    }


def test_the_same_answer_is_one_reading_and_knows_the_whole_history_once_it_was_known() -> None:
    answer = Answer(
        {"object": "balance", "livemode": False, "available": [held(1)], "pending": []},
        timezone.now(),
        "2026-10-28.endive",
        {},
    )
    for whole in (True, False):
        balance.keep(answer, whole_history=whole)
    processing.drain()
    reading = BalanceReading.objects.get()
    assert reading.whole_history
    assert not reading.ambiguous


def test_an_event_about_the_balance_names_no_reading() -> None:
    """``balance.available`` has no id and says nothing that a reading doesn't."""
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "balance.available",
        "created": 1_700_000_000,
        "livemode": False,
        "data": {"object": {"object": "balance", "available": [held(1)], "pending": []}},
    }
    inbox.store([event], Source.WEBHOOK)
    processing.drain()
    assert StripeEvent.objects.get().status == "ignored"
    assert not BalanceReading.objects.exists()
