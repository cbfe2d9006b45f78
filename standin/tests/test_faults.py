from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import client_of, paid


def test_rate_limit_says_when_to_come_back(standin: StandIn, client: Any) -> None:
    standin.add_fault(429, retry_after=3)
    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.list()
    assert caught.value.headers is not None
    assert caught.value.headers["retry-after"] == "3"
    assert client.v1.customers.list().data == []


@pytest.mark.parametrize("status", [500, 503])
def test_server_errors_hit_what_they_are_aimed_at(
    standin: StandIn, client: Any, status: int
) -> None:
    standin.add_fault(status, count=2, method="POST", path="/v1/refunds*")
    intent = paid(client)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.refunds.create({"payment_intent": intent.id})
        assert caught.value.http_status == status
    assert client.v1.refunds.list().data == []
    client.v1.refunds.create({"payment_intent": intent.id})


def test_sdk_gets_through_a_passing_outage(standin: StandIn) -> None:
    standin.add_fault(503)
    assert client_of(standin, retries=2).v1.customers.create({}).id


def test_saved_500_is_replayed_for_its_key(standin: StandIn, client: Any) -> None:
    standin.add_fault(500, path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.customers.create({}, {"idempotency_key": "k1"})
    assert caught.value.headers is not None
    assert caught.value.headers["idempotent-replayed"] == "true"
    assert client.v1.customers.list().data == []


def test_connection_is_dropped_after_the_effect(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    standin.add_fault(drop=True, path="/v1/refunds")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "k1"})
    (refund,) = client.v1.refunds.list({"payment_intent": intent.id}).data
    again = client.v1.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "k1"})
    assert again.id == refund.id


def test_error_after_the_effect(standin: StandIn, client: Any) -> None:
    standin.add_fault(500, after_effect=True)
    with pytest.raises(stripe.APIError):
        client.v1.customers.create({})
    assert len(client.v1.customers.list().data) == 1


def test_latency_is_added_and_faults_are_cleared(standin: StandIn, client: Any) -> None:
    standin.add_fault(latency=0.1)
    started = time.monotonic()
    client.v1.customers.list()
    assert time.monotonic() - started >= 0.1
    standin.add_fault(500, count=100)
    standin.clear_faults()
    client.v1.customers.list()


def test_an_answer_comes_late_after_the_effect(standin: StandIn, client: Any) -> None:
    for made in range(10):
        standin.add_fault(latency=0.3, after_effect=True)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.v1.customers.create, {})
            while standin.state()["objects"].get("customer", 0) == made and not asked.done():
                time.sleep(0.001)
            effect_came_first = not asked.done()
            assert asked.result().id
        if effect_came_first:  # else this thread was asleep for all of that time
            break
    assert effect_came_first


def test_keep_alive_answers_do_not_wait_for_acknowledgements(standin: StandIn, client: Any) -> None:
    def took() -> float:
        started = time.monotonic()
        client.v1.balance.retrieve()
        return time.monotonic() - started

    took()
    # With Nagle's algorithm each would take 40 ms; on a busy machine some do without it.
    assert any(took() < 0.035 for _ in range(100))
    assert standin._server is not None
    (connection,) = standin._server.connections
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
