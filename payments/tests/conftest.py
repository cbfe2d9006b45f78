"""A Stripe for the tests of the edge: the stand-in, served on loopback, and a shop in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from standin import StandIn


@pytest.fixture
def standin(settings: Settings) -> Iterator[StandIn]:
    """Serves, and the settings lead to it with a full test key and no noticeable pace."""
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


@dataclass
class Shop:
    """The ids of one object of each kind."""

    standin: StandIn
    ids: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, kind: str) -> str:
        return self.ids[kind]

    def call(self, path: str, **params: Any) -> dict[str, Any]:
        """POST in process."""
        return self.standin.api("POST", f"/v1/{path}", params)


@pytest.fixture
def shop(standin: StandIn) -> Shop:
    """A customer, a catalogue, a paid checkout with a refund and a dispute, a payout that holds
    its transactions, and a discounted subscription with its invoice; all ten days old."""
    standin.set_now(standin.clock.now - 10 * 86400)
    shop = Shop(standin)
    ids = shop.ids
    ids["customer"] = shop.call("customers", email="ada@example.com", name="Ada")["id"]
    ids["product"] = shop.call("products", name="Lamp")["id"]
    ids["price"] = shop.call("prices", product=ids["product"], currency="usd", unit_amount=2500)[
        "id"
    ]
    ids["coupon"] = shop.call("coupons", percent_off=25, duration="forever")["id"]
    session = shop.call(
        "checkout/sessions",
        mode="payment",
        customer=ids["customer"],
        line_items=[{"price": ids["price"], "quantity": 2}],
    )
    session = standin.complete_checkout(session["id"])
    ids["checkout.session"] = session["id"]
    ids["payment_intent"] = session["payment_intent"]
    charge = standin.get(standin.get(session["payment_intent"])["latest_charge"])
    ids["charge"] = charge["id"]
    ids["balance_transaction"] = charge["balance_transaction"]
    ids["refund"] = shop.call("refunds", charge=ids["charge"], amount=700)["id"]
    disputed = standin.create_payment(9900)
    ids["dispute"] = standin.create_dispute(disputed["latest_charge"])["id"]
    monthly = shop.call(
        "prices",
        product=ids["product"],
        currency="usd",
        unit_amount=1900,
        recurring={"interval": "month"},
    )
    subscriber = shop.call("customers", email="bo@example.com", payment_method="pm_card_visa")
    subscription = shop.call(
        "subscriptions",
        customer=subscriber["id"],
        items=[{"price": monthly["id"]}],
        discounts=[{"coupon": ids["coupon"]}],
        default_payment_method="pm_card_visa",
    )
    ids["subscription"] = subscription["id"]
    ids["invoice"] = subscription["latest_invoice"]
    payments = standin.api("GET", "/v1/invoice_payments", {"invoice": ids["invoice"]})["data"]
    ids["invoice_payment"] = payments[0]["id"]
    standin.advance(days=3)
    payout = standin.payout_now("usd")
    assert payout is not None
    standin.move_payout(payout["id"], "paid")
    standin.set_now(None)
    ids["payout"] = payout["id"]
    endpoint = standin.add_webhook(
        "http://127.0.0.1:8000/stripe/webhook/", "whsec_1", enabled_events=["topup.created"]
    )
    ids["webhook_endpoint"] = endpoint["id"]
    return shop


def customers(standin: StandIn, count: int) -> list[str]:
    """Ids of new customers, in the order in which they are listed."""
    made = [standin.api("POST", "/v1/customers", {})["id"] for _ in range(count)]
    return made[::-1]
