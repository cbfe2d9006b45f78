from __future__ import annotations

from typing import Any

import pytest

from standin import StandIn

from .conftest import Shop, client_of, paid


@pytest.fixture
def old_shop(standin: StandIn, shop: Shop) -> Shop:
    standin.add_webhook(shop.url, shop.secret, api_version="2022-08-01")
    return shop


def received(standin: StandIn, shop: Shop, type_: str) -> Any:
    assert standin.wait_idle()
    return next(event for event in shop.events if event["type"] == type_)


def test_old_endpoint_gets_charges_with_their_refunds(
    standin: StandIn, client: Any, old_shop: Shop
) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    event = received(standin, old_shop, "charge.refunded")
    assert event["api_version"] == "2022-08-01"
    assert [entry["id"] for entry in event["data"]["object"]["refunds"]["data"]] == [refund.id]
    assert "refund.created" not in old_shop.types
    listed = client.v1.events.retrieve(event["id"])
    assert listed.api_version == "2026-10-28.endive"
    assert "refunds" not in listed.data.object


def test_old_endpoint_gets_invoices_and_subscriptions_from_before_basil(
    standin: StandIn, client: Any, old_shop: Shop
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Pro"},
        }
    )
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "discounts": [{"coupon": coupon.id}],
        }
    )
    invoice = received(standin, old_shop, "invoice.paid")["data"]["object"]
    assert invoice["subscription"] == subscription.id
    assert invoice["paid"]
    assert invoice["payment_intent"].startswith("pi_")
    assert invoice["charge"].startswith("ch_")
    assert invoice["lines"]["data"][0]["price"]["id"] == price.id
    assert invoice["discount"]["coupon"]["percent_off"] == 10
    shown = received(standin, old_shop, "customer.subscription.created")["data"]["object"]
    assert shown["current_period_start"] == standin.now
    charge = received(standin, old_shop, "charge.succeeded")["data"]["object"]
    assert charge["invoice"] == invoice["id"]
    standin.renew_subscription(subscription.id)
    assert standin.wait_idle()
    renewed = [e for e in old_shop.events if "items" in e["data"].get("previous_attributes", {})]
    assert renewed[0]["data"]["previous_attributes"]["current_period_start"] == standin.now


def test_account_in_an_old_version_lists_events_in_that_shape() -> None:
    with StandIn(api_version="2024-06-20") as standin:
        client = client_of(standin)
        intent = paid(client)
        client.v1.refunds.create({"payment_intent": intent.id})
        types = [event.type for event in client.v1.events.list().data]
        assert "refund.created" not in types
        event = client.v1.events.list({"type": "charge.refunded"}).data[0]
        assert event.api_version == "2024-06-20"
        assert event.data.object["invoice"] is None
