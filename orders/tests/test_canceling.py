"""Calling off an order that isn't paid, with what is open of its payments at Stripe."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from orders.models import Order, OrderPayment
from orders.services.canceling import PaymentOpen, call_off, open_payments
from orders.services.handling import ReasonMissing
from orders.services.transitions import IllegalTransition
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import intent, put
from orders.tests.test_admin import act
from orders.tests.test_bulk import confirm, results, state
from payments import inbox, processing
from payments.closing import AlreadySucceeded, ClosingOutcomeUnknown, close_payments
from payments.models import CheckoutSession, PaymentIntent, Source
from payments.tests.test_closing import new_intent, new_session
from standin import StandIn

pytestmark = pytest.mark.django_db


def hear(standin: StandIn) -> None:
    """All that the stand-in has to say, by webhook; and its sessions, which make no event."""
    sessions = standin.api("GET", "/v1/checkout/sessions")["data"]
    now = standin.clock.now
    inbox.store(
        [
            {
                "id": f"read_{session['id']}_{session['status']}",
                "object": "event",
                "type": "read.checkout.session",
                "created": now,
                "data": {"object": session},
            }
            for session in sessions
        ],
        Source.READ,
    )
    inbox.store(standin.events_since(0), Source.WEBHOOK)
    processing.drain()


@pytest.fixture
def pending(shop_order: MakeOrder, standin: StandIn) -> Order:
    """An order that a buyer is paying: an intent is open, and a Checkout session."""
    order = shop_order("A-1")
    new_intent(standin, metadata={"order": "A-1"})
    new_session(standin, client_reference_id="A-1")
    hear(standin)
    return order


def status(order: Order) -> str:
    order.refresh_from_db()
    return order.status


def test_what_is_open_is_closed_before_the_order_is_canceled(pending, standin):
    opened = open_payments(pending)
    assert (len(opened.sessions), len(opened.intents)) == (1, 1)
    call_off(pending.pk, reason=" asked for ")
    assert status(pending) == "canceled"
    assert standin.get(opened.intents[0])["status"] == "canceled"
    assert standin.get(opened.sessions[0])["status"] == "expired"
    assert PaymentIntent.objects.get().status == "canceled"
    assert CheckoutSession.objects.get().status == "expired"
    assert pending.transitions.get().reason == "asked for"
    assert not open_payments(pending)
    hear(standin)
    assert status(pending) == "canceled"


def test_one_that_is_paid_meanwhile_is_not_canceled(pending, standin):
    (session,) = open_payments(pending).sessions
    standin.complete_checkout(session)
    with pytest.raises(AlreadySucceeded, match="has been paid meanwhile"):
        call_off(pending.pk, reason="asked for")
    assert status(pending) == "pending"
    hear(standin)  # the charge comes by its own event
    assert status(pending) == "paid"


def test_without_an_open_payment_stripe_isnt_asked(shop_order, settings: Settings):
    settings.STRIPE_API_KEY = ""
    order = shop_order()
    call_off(order.pk, reason="asked for")
    assert status(order) == "canceled"


def test_others_payments_are_left_alone(pending, standin, shop_order):
    other = shop_order("A-2")
    theirs = new_intent(standin, metadata={"order": "A-2"})
    nobodys = new_intent(standin)
    session = new_session(standin, client_reference_id="A-1", metadata={"order": "A-2"})
    hear(standin)
    assert open_payments(other).sessions == (session,)
    call_off(pending.pk, reason="asked for")
    for intent_id in (theirs, nobodys):
        assert standin.get(intent_id)["status"] == "requires_payment_method"
    assert standin.get(session)["status"] == "open"


def test_an_intent_of_another_order_that_names_this_one_now_is_left_alone(shop_order):
    first, second = shop_order("A-1"), shop_order("A-2")
    put(intent("pi_7", status="requires_action", order="A-1"))
    PaymentIntent.objects.update(metadata={"order": "A-2"})
    assert OrderPayment.objects.get().order == first
    assert open_payments(first).intents == ("pi_7",)
    assert not open_payments(second)


def test_stripe_away_leaves_the_order_pending_and_the_same_again_goes_on(pending, standin):
    before = state()
    (intent_id,) = open_payments(pending).intents
    standin.add_fault(
        500, method="POST", path=f"/v1/payment_intents/{intent_id}/cancel", should_retry=False
    )
    with pytest.raises(ClosingOutcomeUnknown):
        call_off(pending.pk, reason="asked for")
    assert state() == before
    assert open_payments(pending).sessions == ()  # that much is done, and known
    call_off(pending.pk, reason="asked for")
    assert status(pending) == "canceled"
    assert standin.get(intent_id)["status"] == "canceled"


def test_a_payment_begun_meanwhile_keeps_the_order(pending, standin, monkeypatch):
    def buyer_is_quick(**keys: Any) -> None:
        close_payments(**keys)
        new_intent(standin, metadata={"order": "A-1"})
        hear(standin)

    monkeypatch.setattr("orders.services.canceling.close_payments", buyer_is_quick)
    with pytest.raises(PaymentOpen, match="was begun meanwhile"):
        call_off(pending.pk, reason="asked for")
    assert status(pending) == "pending"


def test_what_was_just_closed_may_still_be_on_its_way(pending, standin, monkeypatch):
    """Another worker may have the answer in hand: the mirror then says open for a moment."""
    monkeypatch.setattr("payments.closing.processing.drain", lambda: None)
    call_off(pending.pk, reason="asked for")
    assert status(pending) == "canceled"


def test_a_paid_order_isnt_called_off_and_stripe_isnt_asked(paid, standin):
    with pytest.raises(IllegalTransition):
        call_off(paid.pk, reason="asked for")
    assert status(paid) == "paid"


def test_without_a_reason_nothing_is_closed(pending, standin):
    with pytest.raises(ReasonMissing):
        call_off(pending.pk, reason=" ")
    assert len(open_payments(pending).intents) == 1


# In the admin


def error_of(page: Any) -> str:
    assert page.status_code == 200
    return " ".join(page.context["form"].non_field_errors())


def test_the_page_names_what_is_canceled_at_stripe(as_operator: Client, pending):
    page = as_operator.get(reverse("admin:orders_order_cancel", args=[pending.pk]))
    opened = open_payments(pending)
    for key in (*opened.sessions, *opened.intents):
        assert key in page.context["explanation"]
    act(as_operator, pending, "cancel", reason="asked for")
    assert status(pending) == "canceled"


def test_the_page_says_why_an_order_isnt_canceled(as_operator, pending, standin):
    (intent_id,) = open_payments(pending).intents
    standin.api(
        "POST", f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": "pm_card_visa"}
    )
    page = act(as_operator, pending, "cancel", reason="asked for")
    assert error_of(page) == f"payment {intent_id} has succeeded meanwhile"
    assert status(pending) == "pending"


def test_the_page_says_what_the_key_lacks_and_that_there_is_none(
    as_operator, pending, standin, settings: Settings
):
    before = state()
    settings.STRIPE_API_KEY = standin.add_key("rk_test_reader", {"*": "read"})
    assert "rak_checkout_session_write" in error_of(act(as_operator, pending, "cancel", reason="x"))
    settings.STRIPE_API_KEY = ""
    assert "STRIPE_API_KEY" in error_of(act(as_operator, pending, "cancel", reason="x"))
    assert state() == before
    assert len(open_payments(pending).intents) == 1


def test_many_are_called_off_each_with_its_payment(as_operator, pending, standin, shop_order):
    other, paid = shop_order("A-2"), shop_order("A-3")
    standin.create_payment(1000, metadata={"order": "A-3"})
    hear(standin)
    told = results(confirm(as_operator, "cancel", [pending.pk, other.pk, paid.pk]))
    assert {number: result for number, (result, _) in told.items()} == {
        "A-1": "done",
        "A-2": "done",
        "A-3": "skipped",
    }
    assert "is paid" in told["A-3"][1]
    assert (status(pending), status(other), status(paid)) == ("canceled", "canceled", "paid")


def test_stripe_away_is_told_for_each_and_others_are_done(
    as_operator, pending, standin, shop_order
):
    other = shop_order("A-2")
    standin.add_fault(500, method="POST", count=9, should_retry=False)
    told = results(confirm(as_operator, "cancel", [pending.pk, other.pk]))
    assert (told["A-1"][0], told["A-2"][0]) == ("not known", "done")
    assert status(pending) == "pending"
    assert not AuditEvent.objects.filter(
        action="order.canceled", target_id=str(pending.pk)
    ).exists()
