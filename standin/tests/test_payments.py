from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import paid, types_since


def test_confirmed_payment_makes_charge_transaction_and_events(
    standin: StandIn, client: Any
) -> None:
    intent = paid(
        client,
        metadata={"order": "17"},
        expand=["latest_charge.balance_transaction"],
    )
    charge = intent.latest_charge
    assert intent.status == "succeeded"
    assert intent.amount_received == 5000
    assert charge.paid
    assert charge.amount_captured == 5000
    assert charge.metadata["order"] == "17"
    transaction = charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (5000, 175, 4825)
    assert transaction.fee_details[0].type == "stripe_fee"
    assert transaction.reporting_category == "charge"
    assert transaction.status == "pending"
    assert types_since(standin, 0) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_latest_charge_is_an_id_unless_it_is_expanded(client: Any) -> None:
    intent = paid(client)
    assert intent.latest_charge.startswith("ch_")
    assert len(intent.latest_charge) == 27
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert charge.refunds is not None
    assert charge.refunds.data == []


@pytest.mark.parametrize(
    ("method", "decline"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_declined_card_is_402_and_leaves_a_failed_charge(
    standin: StandIn, client: Any, method: str, decline: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        paid(client, payment_method=method)
    error: Any = caught.value
    assert error.http_status == 402
    assert error.code == "card_declined"
    assert error.error.decline_code == decline
    intent = client.v1.payment_intents.retrieve(error.error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.status, charge.paid, charge.balance_transaction) == ("failed", False, None)
    assert types_since(standin, 1) == ["charge.failed", "payment_intent.payment_failed"]


def test_declined_payment_can_be_confirmed_with_another_card(client: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        paid(client, payment_method="pm_card_chargeDeclined")
    error: Any = caught.value.error
    id_ = error.payment_intent.id
    intent = client.v1.payment_intents.confirm(id_, {"payment_method": "pm_card_visa"})
    assert intent.status == "succeeded"
    assert intent.last_payment_error is None


def test_authentication_is_asked_for_and_answered(standin: StandIn, client: Any) -> None:
    first = paid(client, payment_method="pm_card_authenticationRequired")
    second = paid(client, payment_method="pm_card_authenticationRequired")
    assert first.status == "requires_action"
    assert first.next_action.type == "use_stripe_sdk"
    assert standin.authenticate_payment(first.id)["status"] == "succeeded"
    failed = standin.authenticate_payment(second.id, succeeds=False)
    assert failed["status"] == "requires_payment_method"
    assert "payment_intent.requires_action" in types_since(standin, 0)


@pytest.mark.parametrize("succeeds", [True, False])
def test_bank_debit_is_processing_until_the_bank_answers(
    standin: StandIn, client: Any, succeeds: bool
) -> None:
    intent = paid(client, payment_method="pm_sepa", currency="eur")
    assert intent.status == "processing"
    assert intent.latest_charge.startswith("py_")
    cursor = standin.cursor
    standin.finish_payment(intent.id, succeeds=succeeds)
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    if succeeds:
        assert charge.status == "succeeded"
        assert charge.balance_transaction.type == "payment"
        assert types_since(standin, cursor) == ["charge.succeeded", "payment_intent.succeeded"]
    else:
        assert (charge.status, charge.balance_transaction) == ("failed", None)
        assert types_since(standin, cursor) == ["charge.failed", "payment_intent.payment_failed"]


def test_partial_capture_releases_the_rest_without_a_transaction(
    standin: StandIn, client: Any
) -> None:
    intent = paid(client, capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 5000)
    cursor = standin.cursor
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    assert (captured.status, captured.amount_received) == ("succeeded", 3000)
    charge = client.v1.charges.retrieve(
        str(captured.latest_charge), {"expand": ["balance_transaction", "refunds"]}
    )
    assert (charge.amount_captured, charge.amount_refunded) == (3000, 2000)
    assert charge.balance_transaction.amount == 3000
    assert charge.refunds is not None
    (released,) = charge.refunds.data
    assert (released.amount, released.balance_transaction) == (2000, None)
    assert types_since(standin, cursor) == [
        "charge.captured",
        "refund.created",
        "charge.refunded",
        "payment_intent.succeeded",
    ]


def test_canceled_authorisation_is_released_whole(standin: StandIn, client: Any) -> None:
    intent = paid(client, capture_method="manual")
    canceled = client.v1.payment_intents.cancel(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert canceled.status == "canceled"
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.refunded
    assert not charge.captured
    assert charge.balance_transaction is None
    assert client.v1.balance_transactions.list().data == []


def test_too_much_can_not_be_captured_and_nothing_changes(client: Any) -> None:
    intent = paid(client, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 5001})
    assert caught.value.code == "amount_too_large"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_succeeded_intent_can_not_be_confirmed_or_canceled(client: Any) -> None:
    intent = paid(client)
    for act in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            act(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"


def test_asynchronous_capture_brings_the_transaction_later() -> None:
    from .conftest import client_of

    with StandIn(now=1_790_000_000, async_capture=True) as standin:
        client = client_of(standin)
        intent = paid(client)
        assert client.v1.charges.retrieve(intent.latest_charge).balance_transaction is None
        cursor = standin.cursor
        standin.settle_captures()
        (event,) = standin.events_since(cursor)
        assert event["type"] == "charge.updated"
        assert event["data"]["previous_attributes"] == {"balance_transaction": None}
        assert event["data"]["object"]["balance_transaction"].startswith("txn_")


@pytest.mark.parametrize(
    ("currency", "amount", "ok"),
    [
        ("jpy", 501, True),
        ("kwd", 1230, True),
        ("kwd", 1234, False),
        ("isk", 12300, True),
        ("isk", 12345, False),
        ("ugx", 50, False),
    ],
)
def test_amounts_follow_stripes_currency_rules(
    client: Any, currency: str, amount: int, ok: bool
) -> None:
    if ok:
        assert paid(client, amount, currency).status == "succeeded"
        return
    with pytest.raises(stripe.InvalidRequestError) as caught:
        paid(client, amount, currency)
    assert caught.value.code == "parameter_invalid_integer"


def test_foreign_currency_is_converted_with_an_exchange_rate(client: Any) -> None:
    intent = paid(client, 10_000, "jpy", expand=["latest_charge.balance_transaction"])
    transaction = intent.latest_charge.balance_transaction
    assert transaction.currency == "usd"
    assert transaction.exchange_rate == pytest.approx(0.67)
    assert transaction.amount == 6700
    assert transaction.fee == 214  # (290 + 30 yen) × 0.67


def test_currency_that_settles_by_itself_is_not_converted() -> None:
    from .conftest import client_of

    with StandIn(settlement=("usd", "eur")) as standin:
        intent = paid(client_of(standin), 1000, "eur", expand=["latest_charge.balance_transaction"])
        transaction = intent.latest_charge.balance_transaction
        assert (transaction.currency, transaction.exchange_rate) == ("eur", None)
        assert transaction.fee == 59


def test_events_keep_what_was_true_when_they_happened(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    client.v1.refunds.create({"payment_intent": intent.id})
    events = {event["type"]: event for event in standin.events_since(0)}
    assert events["charge.succeeded"]["data"]["object"]["amount_refunded"] == 0
    refunded = events["charge.refunded"]["data"]
    assert refunded["object"]["amount_refunded"] == 5000
    assert refunded["previous_attributes"] == {"amount_refunded": 0, "refunded": False}
