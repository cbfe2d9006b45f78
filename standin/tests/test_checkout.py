from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import ApiError, StandIn

from .conftest import types_since


def open_session(client: Any, **more: Any) -> Any:
    params = {
        "mode": "payment",
        "success_url": "https://shop.example/thanks",
        "client_reference_id": "order-17",
        "metadata": {"order": "17"},
        "payment_intent_data": {"metadata": {"order": "17"}},
        "line_items": [
            {
                "quantity": 2,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1500,
                    "product_data": {"name": "Hat"},
                },
            }
        ],
        **more,
    }
    return client.v1.checkout.sessions.create(params)


def test_session_paid_by_card(standin: StandIn, client: Any) -> None:
    session = open_session(client)
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.amount_total == 3000
    assert session.payment_intent is None
    cursor = standin.cursor
    standin.complete_checkout(
        session.id, customer_details={"email": "ada@example.com", "name": "Ada"}
    )
    done = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "payment_intent"]}
    )
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert done.customer_details is not None
    assert done.customer_details.email == "ada@example.com"
    assert done.line_items is not None
    assert done.line_items.data[0].description == "Hat"
    assert done.payment_intent.metadata["order"] == "17"
    assert types_since(standin, cursor) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    found = client.v1.checkout.sessions.list({"payment_intent": done.payment_intent.id})
    assert [entry.id for entry in found.data] == [session.id]


@pytest.mark.parametrize(
    ("succeeds", "type_", "status"),
    [
        (True, "checkout.session.async_payment_succeeded", "paid"),
        (False, "checkout.session.async_payment_failed", "unpaid"),
    ],
)
def test_session_completes_unpaid_and_the_bank_answers_later(
    standin: StandIn, client: Any, succeeds: bool, type_: str, status: str
) -> None:
    session = open_session(client)
    completed = standin.complete_checkout(session.id, "pm_sepa")
    assert (completed["status"], completed["payment_status"]) == ("complete", "unpaid")
    finished = standin.finish_checkout(session.id, succeeds)
    assert finished["payment_status"] == status
    assert types_since(standin, 0)[-1] == type_


def test_declined_card_leaves_the_session_open_for_another(standin: StandIn, client: Any) -> None:
    session = open_session(client)
    with pytest.raises(ApiError) as caught:
        standin.complete_checkout(session.id, "pm_card_chargeDeclined")
    assert caught.value.status == 402
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert standin.complete_checkout(session.id)["payment_status"] == "paid"


def test_discount_is_taken_off_the_lines(standin: StandIn, client: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "once"})
    session = open_session(client, discounts=[{"coupon": coupon.id}])
    assert session.amount_subtotal == 3000
    assert session.amount_total == 2250
    assert session.total_details.amount_discount == 750
    items = client.v1.checkout.sessions.line_items.list(session.id).data
    assert sum(item.amount_discount for item in items) == 750
    standin.complete_checkout(session.id)
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_nothing_to_pay_needs_no_payment(standin: StandIn, client: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 100, "duration": "once"})
    session = open_session(client, discounts=[{"coupon": coupon.id}])
    done = standin.complete_checkout(session.id)
    assert (done["payment_status"], done["payment_intent"]) == ("no_payment_required", None)


def test_shipping_is_added_to_the_total(client: Any) -> None:
    option = {
        "shipping_rate_data": {
            "display_name": "Post",
            "type": "fixed_amount",
            "fixed_amount": {"amount": 490, "currency": "eur"},
        }
    }
    session = open_session(client, shipping_options=[option])
    assert session.amount_total == 3490
    assert session.shipping_cost.amount_total == 490
    assert session.total_details.amount_shipping == 490


def test_session_expires_once(standin: StandIn, client: Any) -> None:
    session = open_session(client)
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert types_since(standin, 0)[-1] == "checkout.session.expired"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)
    with pytest.raises(ApiError):
        standin.complete_checkout(session.id)


def test_subscription_session_has_no_payment_intent(standin: StandIn, client: Any) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Pro"},
        }
    )
    session = open_session(
        client,
        mode="subscription",
        line_items=[{"price": price.id, "quantity": 1}],
        payment_intent_data={},
        subscription_data={"metadata": {"order": "17"}},
    )
    standin.complete_checkout(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.payment_status, done.payment_intent) == ("paid", None)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["order"] == "17"
    assert done.invoice.status == "paid"


def test_recurring_price_needs_subscription_mode(client: Any) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Pro"},
        }
    )
    with pytest.raises(stripe.InvalidRequestError) as caught:
        open_session(client, line_items=[{"price": price.id}])
    assert caught.value.param == "mode"
