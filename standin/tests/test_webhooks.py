from __future__ import annotations

from typing import Any

from standin import StandIn

from .conftest import Shop, paid


def connect(standin: StandIn, shop: Shop) -> str:
    return str(standin.add_webhook(shop.url, shop.secret)["id"])


def test_events_arrive_signed_and_are_logged(standin: StandIn, client: Any, shop: Shop) -> None:
    connect(standin, shop)
    paid(client)
    assert standin.wait_idle()
    assert sorted(shop.types) == [
        "charge.succeeded",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    assert shop.refused == []
    assert {entry["status"] for entry in standin.deliveries()} == {200}
    event = shop.events[0]
    assert event["api_version"] == "2026-10-28.endive"
    assert event["created"] == standin.now
    assert event["request"]["id"].startswith("req_")


def test_failed_delivery_is_tried_again(standin: StandIn, client: Any, shop: Shop) -> None:
    connect(standin, shop)
    shop.answers = [500, 503]
    customer = client.v1.customers.create({"email": "ada@example.com"})
    assert standin.wait_idle()
    assert shop.types == ["customer.created"]
    assert [entry["status"] for entry in standin.deliveries()] == [500, 503, 200]
    assert shop.events[0]["data"]["object"]["id"] == customer.id


def test_two_secrets_make_two_signatures(standin: StandIn, shop: Shop) -> None:
    standin.add_webhook(shop.url, ["whsec_old", shop.secret])
    standin.api("POST", "/v1/customers")
    assert standin.wait_idle()
    assert shop.types == ["customer.created"]
    assert shop.headers[0].count("v1=") == 2


def test_held_events_are_listed_and_then_flushed(standin: StandIn, client: Any, shop: Shop) -> None:
    connect(standin, shop)
    standin.webhook_mode(hold=True)
    for _ in range(5):
        paid(client)
    assert standin.wait_idle()
    assert shop.events == []
    assert len(client.v1.events.list({"limit": 100}).data) == 15
    standin.webhook_mode()
    assert standin.flush(shuffle=True) == 15
    assert standin.wait_idle()
    assert len(shop.events) == 15


def test_flushed_events_are_shuffled_on_demand(shop: Shop) -> None:
    with StandIn(workers=1, webhook_url=shop.url, webhook_secret=shop.secret) as standin:
        for shuffle in (False, True):
            cursor = standin.cursor
            standin.webhook_mode(hold=True)
            made = [standin.api("POST", "/v1/customers")["id"] for _ in range(12)]
            assert standin.flush(shuffle=shuffle, limit=4) == 4
            assert standin.flush(shuffle=shuffle) == 8
            assert standin.wait_idle()
            arrived = [event["data"]["object"]["id"] for event in shop.events[cursor:]]
            assert sorted(arrived) == sorted(made)
            assert (arrived == made) is not shuffle


def test_held_events_can_be_lost(standin: StandIn, client: Any, shop: Shop) -> None:
    connect(standin, shop)
    standin.webhook_mode(hold=True, types=("charge.*",))
    paid(client)
    assert standin.discard_held() == 1
    assert standin.wait_idle()
    assert sorted(shop.types) == ["payment_intent.created", "payment_intent.succeeded"]


def test_events_are_duplicated_for_a_while(standin: StandIn, shop: Shop) -> None:
    connect(standin, shop)
    standin.webhook_mode(duplicates=2, limit=1)
    standin.api("POST", "/v1/customers")
    standin.api("POST", "/v1/customers")
    assert standin.wait_idle()
    assert len(shop.events) == 4
    assert len({event["id"] for event in shop.events}) == 2


def test_spoiled_signatures_are_refused_by_the_shop(standin: StandIn, shop: Shop) -> None:
    connect(standin, shop)
    standin.webhook_mode(wrong_secret=True, limit=1)
    standin.api("POST", "/v1/customers")
    assert standin.wait_idle()
    standin.webhook_mode(stale=True, limit=1)
    standin.api("POST", "/v1/customers")
    assert standin.wait_idle()
    assert shop.events == []
    assert len(shop.refused) == 6
    assert "Timestamp outside the tolerance zone" in shop.refused[-1]
    event = standin.events_since(0)[0]
    standin.redeliver(event["id"])
    assert standin.wait_idle()
    assert [received["id"] for received in shop.events] == [event["id"]]


def test_delayed_events_come_after_the_delay(standin: StandIn, shop: Shop) -> None:
    connect(standin, shop)
    standin.webhook_mode(delay=0.1)
    standin.api("POST", "/v1/customers")
    assert shop.events == []
    assert standin.wait_idle()
    assert shop.types == ["customer.created"]


def test_endpoint_has_its_own_version_and_types(standin: StandIn, client: Any, shop: Shop) -> None:
    id_ = connect(standin, shop)
    standin.set_webhook(id_, api_version="2025-03-31.basil", enabled_events=["charge.succeeded"])
    paid(client)
    assert standin.wait_idle()
    (event,) = shop.events
    assert event["api_version"] == "2025-03-31.basil"
    listed = client.v1.events.retrieve(event["id"])
    assert listed.api_version == "2026-10-28.endive"
    endpoint = client.v1.webhook_endpoints.retrieve(id_)
    assert endpoint.api_version == "2025-03-31.basil"
    assert endpoint.enabled_events == ["charge.succeeded"]


def test_event_of_an_unknown_type_can_be_sent(standin: StandIn, shop: Shop) -> None:
    connect(standin, shop)
    standin.send_event("charge.invented", {"id": "ch_1", "object": "charge"}, {"amount": 1})
    assert standin.wait_idle()
    assert shop.events[0]["data"]["previous_attributes"] == {"amount": 1}


def test_nobody_listening_is_status_zero(standin: StandIn, shop: Shop) -> None:
    connect(standin, shop)
    shop.close()
    standin.api("POST", "/v1/customers")
    assert standin.wait_idle()
    assert [entry["status"] for entry in standin.deliveries()] == [0, 0, 0]
