"""Closing open payments at Stripe: what is canceled, what isn't and why, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from payments.client import CallInTransaction, NotConfigured
from payments.closing import (
    AlreadySucceeded,
    ClosingNotPermitted,
    ClosingOutcomeUnknown,
    ClosingRefused,
    close_payments,
)
from payments.models import CheckoutSession, PaymentIntent, StripeEvent
from standin import StandIn

pytestmark = pytest.mark.django_db


def new_intent(standin: StandIn, **values: Any) -> str:
    return str(
        standin.api("POST", "/v1/payment_intents", {"amount": 1000, "currency": "usd", **values})[
            "id"
        ]
    )


def new_session(standin: StandIn, **values: Any) -> str:
    price = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Mug"}}
    items = [{"price_data": price, "quantity": 1}]
    values = {"mode": "payment", "line_items": items, **values}
    return str(standin.api("POST", "/v1/checkout/sessions", values)["id"])


def close(*keys: str) -> None:
    close_payments(
        sessions=[key for key in keys if key.startswith("cs_")],
        intents=[key for key in keys if key.startswith("pi_")],
    )


def test_intent_and_session_are_closed_and_mirrored(standin: StandIn) -> None:
    intent, session = new_intent(standin), new_session(standin)
    close(intent, session)
    assert standin.get(intent)["status"] == "canceled"
    assert standin.get(session)["status"] == "expired"
    assert PaymentIntent.objects.get().status == "canceled"
    assert CheckoutSession.objects.get().status == "expired"
    assert set(StripeEvent.objects.values_list("type", flat=True)) == {
        "read.payment_intent",
        "read.checkout.session",
    }


def test_what_is_closed_already_is_no_error(standin: StandIn) -> None:
    intent, session = new_intent(standin), new_session(standin)
    for _ in range(2):
        close(intent, session)
    assert PaymentIntent.objects.get().status == "canceled"


def test_what_stripe_doesnt_know_isnt_open(standin: StandIn) -> None:
    close("pi_unknown", "cs_unknown")
    assert not StripeEvent.objects.exists()


def test_an_authorisation_is_released(standin: StandIn) -> None:
    intent = standin.create_payment(1000, capture_method="manual")["id"]
    close(intent)
    assert standin.get(intent)["status"] == "canceled"


def test_an_intent_that_has_succeeded_is_told_and_mirrored(standin: StandIn) -> None:
    intent = standin.create_payment(1000)["id"]
    with pytest.raises(AlreadySucceeded, match=f"{intent} has succeeded meanwhile"):
        close(intent)
    assert PaymentIntent.objects.get().status == "succeeded"


def test_a_session_that_is_paid_is_told_and_mirrored(standin: StandIn) -> None:
    session = new_session(standin)
    standin.complete_checkout(session)
    with pytest.raises(AlreadySucceeded, match="has been paid meanwhile"):
        close(session)
    assert CheckoutSession.objects.get().payment_status == "paid"


def test_a_finished_session_whose_bank_is_at_work_is_refused(standin: StandIn) -> None:
    session = new_session(standin)
    standin.complete_checkout(session, payment_method="pm_sepa")
    with pytest.raises(ClosingRefused, match="has finished"):
        close(session)


def test_an_intent_of_checkout_that_stripe_doesnt_cancel_is_closed_with_its_session(
    standin: StandIn,
) -> None:
    session = new_session(standin)
    intent = new_intent(standin)
    with standin.world.lock:  # as sessions of older versions of the API have it
        standin.world.get("checkout.session", session)["payment_intent"] = intent
    fault: dict[str, Any] = {"method": "POST", "path": f"/v1/payment_intents/{intent}/cancel"}
    standin.add_fault(400, **fault)
    close(session, intent)
    assert standin.get(session)["status"] == "expired"
    standin.add_fault(400, **fault)
    with pytest.raises(ClosingRefused, match="doesn’t cancel payment"):
        close(intent)


@pytest.mark.parametrize("scopes", [{"*": "read"}, {"payment_intent": "write"}])
def test_a_key_that_may_not_is_told_the_permission(
    standin: StandIn, settings: Settings, scopes: dict[str, str]
) -> None:
    intent, session = new_intent(standin), new_session(standin)
    settings.STRIPE_API_KEY = standin.add_key("rk_test_x", scopes)
    with pytest.raises(ClosingNotPermitted, match="rak_checkout_session_write"):
        close(intent, session)
    assert standin.get(intent)["status"] == "requires_payment_method"


def test_without_a_key_nothing_is_asked(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(NotConfigured):
        close("pi_1")


def test_what_was_closed_before_stripe_went_away_is_kept(standin: StandIn) -> None:
    first, second = sorted(new_intent(standin) for _ in range(2))
    standin.add_fault(
        500, method="POST", path=f"/v1/payment_intents/{second}/cancel", should_retry=False
    )
    with pytest.raises(ClosingOutcomeUnknown):
        close(first, second)
    assert PaymentIntent.objects.get().pk == first
    close(first, second)
    assert set(PaymentIntent.objects.values_list("status", flat=True)) == {"canceled"}


def test_an_answer_that_gets_lost_is_asked_for_again(standin: StandIn) -> None:
    intent = new_intent(standin)
    standin.add_fault(drop=True, method="POST", path=f"/v1/payment_intents/{intent}/cancel")
    close(intent)
    assert standin.get(intent)["status"] == "canceled"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_closed_in_a_transaction(standin: StandIn) -> None:
    intent = new_intent(standin)
    with transaction.atomic(), pytest.raises(CallInTransaction):
        close(intent)
    assert standin.get(intent)["status"] == "requires_payment_method"
