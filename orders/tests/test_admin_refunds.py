"""Refunds asked for in the admin, of a Stripe that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from orders.models import Order
from orders.services.refunding import RefundImpossible, refund_order
from orders.tests.conftest import MakeOrder
from payments import inbox, processing
from payments.models import Refund, Source
from standin import StandIn

pytestmark = pytest.mark.django_db


def act(client: Client, order: Order, name: str, **values: Any) -> Any:
    return client.post(reverse(f"admin:orders_order_{name}", args=[order.pk]), values)


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


@pytest.fixture
def bought(shop_order: MakeOrder, stripe: StandIn) -> Order:
    """An order of 50.00 USD that was paid at the stand-in."""
    order = shop_order("B-1", total_minor=5000)
    stripe.create_payment(5000, metadata={"order": "B-1"})
    hear(stripe)
    order.refresh_from_db()
    assert order.status == "paid"
    return order


def hear(stripe: StandIn) -> None:
    inbox.store(stripe.events_since(0), Source.WEBHOOK)
    processing.drain()


def refund_form(client: Client, order: Order, **values: str) -> dict[str, str]:
    form = client.get(reverse("admin:orders_order_refund", args=[order.pk])).context["form"]
    return {
        "charge": next(iter(form.charges)),
        "amount": form["amount"].value(),
        "reason": "arrived broken",
        "request": str(form["request"].value()),
        **values,
    }


def refunds_at(stripe: StandIn) -> list[Any]:
    return list(stripe.api("GET", "/v1/refunds", {})["data"])


def test_a_refund_asked_for_here_is_made_at_stripe_and_comes_back(as_operator, bought, stripe):
    response = act(
        as_operator, bought, "refund", **refund_form(as_operator, bought, amount="12.50")
    )
    assert response.status_code == 302
    hear(stripe)
    bought.refresh_from_db()
    assert (bought.status, bought.refunded_minor, bought.refund_status) == ("paid", 1250, "partial")
    assert [made["amount"] for made in refunds_at(stripe)] == [1250]
    asked = AuditEvent.objects.get(action="order.refund_asked")
    assert (asked.actor_name, asked.reason, asked.after["amount"]) == (
        "olive",
        "arrived broken",
        1250,
    )
    left = refund_form(as_operator, bought)
    assert left["amount"] == "37.50"


def test_the_whole_amount_is_proposed_and_cancels_the_order(as_operator, bought, stripe):
    form = refund_form(as_operator, bought)
    assert form["amount"] == "50.00"
    act(as_operator, bought, "refund", **form)
    bought.refresh_from_db()
    assert (bought.status, bought.refund_status) == ("canceled", "full")


def test_a_form_that_is_sent_twice_makes_one_refund(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="10")
    act(as_operator, bought, "refund", **form)
    act(as_operator, bought, "refund", **form)
    assert [made["amount"] for made in refunds_at(stripe)] == [1000]


@pytest.mark.parametrize("amount", ["50.01", "0", "-1", "1.234", "ten", ""])
def test_an_amount_that_cant_be_refunded_never_reaches_stripe(as_operator, bought, stripe, amount):
    response = act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount=amount))
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert refunds_at(stripe) == []
    assert not AuditEvent.objects.filter(action="order.refund_asked").exists()


def test_what_stripe_refuses_is_said_and_the_next_try_is_another_wish(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="20")
    stripe.api("POST", "/v1/refunds", {"charge": form["charge"], "amount": 4000})
    response = act(as_operator, bought, "refund", **form)
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert response.context["form"].non_field_errors()
    assert response.context["form"]["request"].value() != form["request"]
    assert len(refunds_at(stripe)) == 1


def test_a_pending_refund_lessens_what_is_left_but_not_yet_the_order(as_operator, bought, stripe):
    stripe.next_refund("pending")
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="20"))
    bought.refresh_from_db()
    assert (bought.refunded_minor, Refund.objects.get().status) == (0, "pending")
    assert refund_form(as_operator, bought)["amount"] == "30.00"


def test_the_charge_of_another_order_isnt_refunded(bought, shop_order, stripe):
    other = shop_order("B-2")
    with pytest.raises(RefundImpossible):
        refund_order(
            other.pk,
            charge_id=bought.payments.get().payment,
            amount=1,
            reason="x",
            request="r-1",
        )
    assert refunds_at(stripe) == []


def test_without_a_key_the_form_says_so(as_operator, paid, settings):
    settings.STRIPE_API_KEY = ""
    response = act(as_operator, paid, "refund", **refund_form(as_operator, paid))
    assert response.status_code == 200
    assert response.context["form"].non_field_errors()


def test_an_unknown_outcome_keeps_the_wish_so_that_another_try_makes_no_second_refund(
    as_operator, bought, stripe
):
    stripe.add_fault(500, method="POST", path="/v1/refunds", after_effect=True, should_retry=False)
    form = refund_form(as_operator, bought, amount="20")
    for _ in range(2):  # Stripe replays the error that it saved under the wish's name
        response = act(as_operator, bought, "refund", **form)
        assert response.status_code == 200
        assert "It isn’t known whether this was done" in response.content.decode()
        assert response.context["form"].non_field_errors()
        assert response.context["form"]["request"].value() == form["request"]
    assert [made["amount"] for made in refunds_at(stripe)] == [2000]
    hear(stripe)
    bought.refresh_from_db()
    assert bought.refunded_minor == 2000
