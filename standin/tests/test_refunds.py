from __future__ import annotations

import threading
from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import paid, types_since


def test_refund_takes_the_amount_back_and_keeps_the_fee(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    cursor = standin.cursor
    refund = client.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "amount": 1500,
            "reason": "requested_by_customer",
            "metadata": {"refund_request": "rr_1"},
            "expand": ["balance_transaction", "charge"],
        }
    )
    assert refund.status == "succeeded"
    assert refund.metadata is not None
    assert refund.metadata["refund_request"] == "rr_1"
    assert refund.charge.amount_refunded == 1500
    transaction = refund.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (
        -1500,
        0,
        -1500,
    )
    assert types_since(standin, cursor) == ["refund.created", "charge.refunded"]


def test_refunds_can_not_exceed_the_charge(client: Any) -> None:
    intent = paid(client)
    client.v1.refunds.create({"charge": intent.latest_charge, "amount": 4000})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": intent.latest_charge, "amount": 1001})
    assert (caught.value.http_status, caught.value.code) == (400, "amount_too_large")
    client.v1.refunds.create({"charge": intent.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": intent.latest_charge})
    assert caught.value.code == "charge_already_refunded"
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.refunded
    assert charge.amount_refunded == 5000


def test_refund_that_fails_later_brings_the_money_back(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "metadata": {"standin": "fail_later"}}
    )
    assert refund.status == "succeeded"
    cursor = standin.cursor
    (failed,) = standin.settle_refunds()
    assert failed["status"] == "failed"
    assert failed["failure_reason"] == "expired_or_canceled_card"
    returned = client.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (returned.amount, returned.type) == (5000, "refund_failure")
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert types_since(standin, cursor) == [
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
        "charge.updated",
    ]


@pytest.mark.parametrize(("succeeds", "status"), [(True, "succeeded"), (False, "failed")])
def test_pending_refund_is_settled_by_control(
    standin: StandIn, client: Any, succeeds: bool, status: str
) -> None:
    intent = paid(client)
    standin.next_refund("pending")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 700})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 700
    settle = standin.succeed_refund if succeeds else standin.fail_refund
    assert settle(refund.id)["status"] == status
    left = client.v1.charges.retrieve(intent.latest_charge).amount_refunded
    assert left == (700 if succeeds else 0)


def test_refund_without_funds_waits_and_fails(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "metadata": {"standin": "insufficient_funds"}}
    )
    assert (refund.status, refund.balance_transaction) == ("pending", None)
    (failed,) = standin.settle_refunds()
    assert failed["failure_reason"] == "insufficient_funds"
    assert "failure_balance_transaction" not in failed


def test_refund_that_requires_action_can_be_canceled(client: Any) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "metadata": {"standin": "requires_action"}}
    )
    assert refund.status == "requires_action"
    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(refund.id)


def test_refund_of_a_bank_debit_has_its_own_ids_and_type(standin: StandIn, client: Any) -> None:
    intent = paid(client, payment_method="pm_sepa", currency="eur")
    standin.finish_payment(intent.id)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "expand": ["balance_transaction"]}
    )
    assert refund.id.startswith("pyr_")
    assert refund.balance_transaction.type == "payment_refund"
    assert refund.balance_transaction.reporting_category == "refund"


def test_parallel_refunds_never_exceed_the_charge(client: Any) -> None:
    intent = paid(client, 1000)
    refused: list[str | None] = []

    def refund() -> None:
        try:
            client.v1.refunds.create({"payment_intent": intent.id, "amount": 300})
        except stripe.InvalidRequestError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=refund) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["amount_too_large"] * 5
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 900


def test_metadata_is_merged_and_unset(client: Any) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "metadata": {"a": "1", "b": "2"}}
    )
    updated = client.v1.refunds.update(refund.id, {"metadata": {"a": "", "c": "3"}})
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"b": "2", "c": "3"}


def test_intent_that_is_not_paid_can_not_be_refunded(client: Any) -> None:
    intent = client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id})
    assert client.v1.refunds.list().data == []
