from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import client_of, paid


def test_wrong_key_is_401(standin: StandIn) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        client_of(standin, "sk_test_wrong_one").v1.customers.list()
    assert caught.value.http_status == 401
    assert "sk_test_" in str(caught.value)
    assert "wrong_one" not in str(caught.value)


def test_missing_object_is_404(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.charges.retrieve("ch_nope")
    error = caught.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert str(error).endswith("No such charge: 'ch_nope'")


def test_unknown_endpoint_is_404_in_stripes_shape(standin: StandIn) -> None:
    client = client_of(standin)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("get", "/v1/unicorns")
    assert caught.value.http_status == 404
    assert "Unrecognized request URL" in str(caught.value)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 100}, "parameter_missing", "currency"),
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"currency": "usd", "amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"currency": "usd", "amount": 0}, "parameter_invalid_integer", "amount"),
        ({"currency": "usd", "amount": 1, "colour": "red"}, "parameter_unknown", "colour"),
        ({"currency": "usd", "amount": 1, "customer": "cus_x"}, "resource_missing", "customer"),
    ],
)
def test_bad_parameters_are_400(client: Any, params: Any, code: str, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(params)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert client.v1.payment_intents.list().data == []


def test_answers_carry_request_id_and_version(standin: StandIn) -> None:
    customer = client_of(standin).v1.customers.create({})
    response = customer.last_response
    assert response is not None
    assert str(response.request_id).startswith("req_")
    headers = response.headers
    assert headers is not None
    assert headers["stripe-version"] == "2026-10-28.endive"
    (event,) = standin.events_since(0)
    assert event["request"]["id"] == response.request_id


def test_same_idempotency_key_replays_the_answer(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    params: Any = {"payment_intent": intent.id, "amount": 100}
    first = client.v1.refunds.create(params, {"idempotency_key": "k1"})
    second = client.v1.refunds.create(params, {"idempotency_key": "k1"})
    assert first.id == second.id
    assert second.last_response is not None
    headers = second.last_response.headers
    assert headers is not None
    assert headers["idempotent-replayed"] == "true"
    assert len(client.v1.refunds.list().data) == 1
    assert standin.prune_idempotency_keys() >= 1
    third = client.v1.refunds.create(params, {"idempotency_key": "k1"})
    assert third.id != first.id


def test_same_key_with_other_parameters_is_an_idempotency_error(
    client: Any,
) -> None:
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.customers.create({"name": "Bob"}, {"idempotency_key": "k1"})
    assert caught.value.http_status == 400


def test_declines_are_replayed_and_invalid_parameters_are_not(
    client: Any,
) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            paid_with_key(client, "pm_card_chargeDeclined", "k1")
    assert len(client.v1.charges.list().data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"colour": "red"}, {"idempotency_key": "k2"})
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k2"})


def paid_with_key(client: Any, method: str, key: str) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": method, "confirm": True},
        {"idempotency_key": key},
    )


def test_key_in_use_is_409(standin: StandIn, client: Any) -> None:
    def create(key: str) -> Any:
        try:
            return client.v1.customers.create({}, {"idempotency_key": key}).id
        except stripe.StripeError as error:
            return error.http_status

    for attempt in range(1, 11):
        standin.add_fault(latency=0.3, path="/v1/customers")
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(create, [f"k{attempt}"] * 2))
        if 409 in answers:  # else the second one came when the first was over
            break
    assert 409 in answers
    assert len(client.v1.customers.list({"limit": 100}).data) == attempt


def test_parallel_requests_with_keys_take_effect_once(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    retrying = client_of(standin, retries=3)

    def refund() -> None:
        retrying.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 100}, {"idempotency_key": "same"}
        )

    threads = [threading.Thread(target=refund) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.v1.refunds.list().data) == 1
