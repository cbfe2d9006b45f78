"""Asking for refunds: one a request, and each of Stripe's answers by name."""

from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from payments.client import CallInTransaction, NotConfigured
from payments.models import BalanceTransaction, Refund, StripeEvent
from payments.refunds import (
    RefundConflict,
    RefundNotPermitted,
    RefundOutcomeUnknown,
    RefundRefused,
    ask_refund,
)
from standin import StandIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def charge(standin: StandIn) -> str:
    """A captured charge of 50.00 USD."""
    return str(standin.create_payment(5000)["latest_charge"])


def refunds_at(standin: StandIn, charge: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = standin.api("GET", "/v1/refunds", {"charge": charge})["data"]
    return found


def test_a_refund_is_made_and_mirrored(standin: StandIn, charge: str) -> None:
    answer = ask_refund(charge_id=charge, amount=1200, request="r-1")
    assert answer["status"] == "succeeded"
    refund = Refund.objects.get()
    assert (refund.id, refund.amount, refund.currency) == (answer["id"], 1200, "usd")
    assert refund.charge_id == charge
    assert refund.metadata == {"refund_request": "r-1"}
    assert BalanceTransaction.objects.get(id=refund.balance_transaction_id).amount == -1200
    assert StripeEvent.objects.get(object_type="refund").type == "read.refund"


def test_a_pending_refund_is_pending_here(standin: StandIn, charge: str) -> None:
    standin.next_refund("pending")
    ask_refund(charge_id=charge, amount=1200, request="r-1")
    refund = Refund.objects.get()
    assert refund.status == "pending"
    assert refund.succeeded_at is None


def test_a_word_of_stripes_is_its_reason(charge: str) -> None:
    answer = ask_refund(charge_id=charge, amount=100, reason="duplicate", request="r-1")
    assert answer["reason"] == "duplicate"


def test_any_other_reason_goes_along_as_metadata(charge: str) -> None:
    told = "arrived broken " * 50
    answer = ask_refund(charge_id=charge, amount=100, reason=told, request="r-1")
    assert answer["reason"] is None
    assert answer["metadata"] == {"refund_request": "r-1", "reason": told[:500]}


def test_the_same_request_makes_one_refund(standin: StandIn, charge: str) -> None:
    first = ask_refund(charge_id=charge, amount=1200, request="r-1")
    second = ask_refund(charge_id=charge, amount=1200, request="r-1")
    assert first["id"] == second["id"]
    assert len(refunds_at(standin, charge)) == 1


def test_two_requests_make_two_refunds(standin: StandIn, charge: str) -> None:
    ask_refund(charge_id=charge, amount=1200, request="r-1")
    ask_refund(charge_id=charge, amount=1200, request="r-2")
    assert len(refunds_at(standin, charge)) == 2


def test_a_name_used_for_something_else_is_a_conflict(standin: StandIn, charge: str) -> None:
    ask_refund(charge_id=charge, amount=1200, request="r-1")
    with pytest.raises(RefundConflict):
        ask_refund(charge_id=charge, amount=1300, request="r-1")
    assert len(refunds_at(standin, charge)) == 1


def test_more_than_is_left_is_refused_with_stripes_words(standin: StandIn, charge: str) -> None:
    with pytest.raises(RefundRefused, match="greater than"):
        ask_refund(charge_id=charge, amount=5001, request="r-1")
    assert refunds_at(standin, charge) == []
    assert not Refund.objects.exists()


def test_a_charge_that_is_refunded_already_has_stripes_code(charge: str) -> None:
    ask_refund(charge_id=charge, amount=5000, request="r-1")
    with pytest.raises(RefundRefused) as caught:
        ask_refund(charge_id=charge, amount=100, request="r-2")
    assert caught.value.code == "charge_already_refunded"


def test_a_key_that_may_not_refund_names_the_permission(
    standin: StandIn, charge: str, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_reader", {"*": "read"})
    with pytest.raises(RefundNotPermitted, match="rak_refund_write"):
        ask_refund(charge_id=charge, amount=100, request="r-1")


def test_an_invalid_key_may_not_refund(settings: Settings, charge: str) -> None:
    settings.STRIPE_API_KEY = "sk_test_unknown"
    with pytest.raises(RefundNotPermitted, match="Invalid API Key"):
        ask_refund(charge_id=charge, amount=100, request="r-1")


def test_without_a_key_nothing_is_asked(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(NotConfigured):
        ask_refund(charge_id="ch_1", amount=100, request="r-1")


def test_an_answer_that_gets_lost_makes_no_second_refund(standin: StandIn, charge: str) -> None:
    standin.add_fault(drop=True, method="POST", path="/v1/refunds")
    answer = ask_refund(charge_id=charge, amount=1200, request="r-1")
    assert [refund["id"] for refund in refunds_at(standin, charge)] == [answer["id"]]


def test_an_outage_leaves_the_outcome_unknown_and_asking_again_makes_no_second_refund(
    standin: StandIn, charge: str
) -> None:
    standin.add_fault(500, method="POST", path="/v1/refunds", after_effect=True, should_retry=False)
    for _ in range(2):  # Stripe replays the error that it saved under the name
        with pytest.raises(RefundOutcomeUnknown):
            ask_refund(charge_id=charge, amount=1200, request="r-1")
    assert not Refund.objects.exists()
    assert len(refunds_at(standin, charge)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_refund_is_never_asked_for_in_a_transaction(standin: StandIn, charge: str) -> None:
    with transaction.atomic(), pytest.raises(CallInTransaction):
        ask_refund(charge_id=charge, amount=100, request="r-1")
    assert refunds_at(standin, charge) == []
