from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import types_since


def test_customer_is_changed_and_says_what_changed(standin: StandIn, client: Any) -> None:
    customer = client.v1.customers.create({"email": "ada@example.com", "metadata": {"a": "1"}})
    client.v1.customers.update(
        customer.id, {"name": "Ada", "metadata": {"a": "", "0": "zero"}, "phone": ""}
    )
    event = standin.events_since(0)[-1]
    assert event["type"] == "customer.updated"
    assert event["data"]["object"]["metadata"] == {"0": "zero"}
    assert event["data"]["previous_attributes"] == {
        "name": None,
        "metadata": {"a": "1", "0": None},
    }
    assert client.v1.customers.list({"email": "ada@example.com"}).data[0].name == "Ada"


def test_deleted_customer_is_in_no_list(standin: StandIn, client: Any) -> None:
    kept, gone = (client.v1.customers.create({"email": "ada@example.com"}) for _ in range(2))
    client.v1.customers.delete(gone.id)
    for params in ({}, {"email": "ada@example.com"}):
        assert [entry.id for entry in client.v1.customers.list(params).data] == [kept.id]
    assert types_since(standin, 2) == ["customer.deleted"]


def test_update_that_changes_nothing_makes_no_event(standin: StandIn, client: Any) -> None:
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.update(customer.id, {"name": "Ada"})
    assert types_since(standin, 0) == ["customer.created"]


def test_product_with_default_price(standin: StandIn, client: Any) -> None:
    product = client.v1.products.create(
        {"name": "Hat", "default_price_data": {"currency": "eur", "unit_amount": 1500}}
    )
    price = client.v1.prices.retrieve(product.default_price, {"expand": ["product"]})
    assert (price.unit_amount, price.unit_amount_decimal) == (1500, 1500)
    assert price.product.name == "Hat"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.delete(product.id)
    client.v1.products.update(product.id, {"active": False})
    assert client.v1.products.list({"active": True}).data == []
    assert types_since(standin, 0) == ["product.created", "price.created", "product.updated"]


def test_price_with_decimals(client: Any) -> None:
    product = client.v1.products.create({"name": "Call"})
    price = client.v1.prices.create(
        {"currency": "usd", "unit_amount_decimal": "0.5", "product": product.id}
    )
    assert price.unit_amount is None
    assert str(price.unit_amount_decimal) == "0.5"
    assert [p.id for p in client.v1.prices.list({"product": product.id}).data] == [price.id]


def test_deleted_product_is_shown_as_deleted(client: Any) -> None:
    product = client.v1.products.create({"name": "Hat"})
    assert client.v1.products.delete(product.id).deleted
    assert client.v1.products.retrieve(product.id).deleted
    assert client.v1.products.list().data == []


def test_coupons_and_what_they_refuse(standin: StandIn, client: Any) -> None:
    coupon = client.v1.coupons.create({"id": "SPRING", "percent_off": 25.5, "duration": "once"})
    assert (coupon.id, coupon.percent_off) == ("SPRING", 25.5)
    client.v1.coupons.update("SPRING", {"name": "Spring"})
    client.v1.coupons.delete("SPRING")
    assert types_since(standin, 0) == ["coupon.created", "coupon.updated", "coupon.deleted"]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.coupons.retrieve("SPRING")
    for wrong in (
        {},
        {"percent_off": 10, "amount_off": 5},
        {"amount_off": 5},
        {"percent_off": 101},
        {"percent_off": 5, "duration": "repeating"},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.coupons.create(wrong)


def test_webhook_endpoints_through_the_api(standin: StandIn, client: Any) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.succeeded"]}
    )
    assert made.secret.startswith("whsec_")
    read = client.v1.webhook_endpoints.retrieve(made.id)
    assert "secret" not in read
    client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert client.v1.webhook_endpoints.retrieve(made.id).status == "disabled"
    client.v1.webhook_endpoints.delete(made.id)
    assert client.v1.webhook_endpoints.list().data == []
    standin.create_payment(100)
    assert standin.wait_idle(1)
    assert standin.deliveries() == []
