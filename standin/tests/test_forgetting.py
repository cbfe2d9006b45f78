"""What is over may be let go of; what something may still happen to stays, and so do cursors."""

from __future__ import annotations

import pytest

from standin import StandIn
from standin.errors import ApiError

DAY = 86_400


def test_what_is_over_goes_and_what_is_under_way_stays() -> None:
    standin = StandIn(now=1_700_000_000)
    over = standin.create_payment(1000)["id"]
    disputed = standin.create_payment(2000)["id"]
    customer = standin.api("POST", "/v1/customers", {})["id"]
    price = {"currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}}
    product = standin.api("POST", "/v1/products", {"name": "Club"})["id"]
    monthly = standin.api("POST", "/v1/prices", {**price, "product": product})["id"]
    member = standin.api(
        "POST",
        "/v1/subscriptions",
        {
            "customer": customer,
            "items": [{"price": monthly}],
            "default_payment_method": "pm_card_visa",
        },
    )
    cursor = standin.cursor
    standin.advance(days=5)
    standin.payout_now("usd")
    standin.advance(days=5)
    unpaid = standin.create_payment(3000)["id"]
    later = [event["id"] for event in standin.events_since(cursor)]

    assert standin.forget(standin.now - 4 * DAY, keep=[disputed]) > 0

    with pytest.raises(ApiError, match="No such object"):
        standin.get(over)
    assert standin.get(disputed)["latest_charge"]
    assert standin.get(unpaid)
    assert standin.get(customer)
    assert standin.get(member["latest_invoice"])
    kept = [event["id"] for event in standin.events_since(cursor)]
    assert kept
    assert later[-len(kept) :] == kept
    end = standin.cursor
    # What follows goes on from there, with the kept payment's transaction and the cursor.
    standin.create_dispute(disputed)
    assert {event["type"] for event in standin.events_since(end)} >= {"charge.dispute.created"}
    standin.advance(days=31)
    assert standin.get(member["id"])["status"] == "active"
