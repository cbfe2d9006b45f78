from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import paid, types_since


def test_money_is_pending_and_then_available(standin: StandIn, client: Any) -> None:
    paid(client)
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (4825, 0)
    standin.advance(days=2)
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (0, 4825)
    (transaction,) = client.v1.balance_transactions.list().data
    assert transaction.status == "available"
    assert transaction.available_on <= standin.now


def test_automatic_payout_holds_what_it_lists(standin: StandIn, client: Any) -> None:
    first = paid(client)
    client.v1.refunds.create({"payment_intent": first.id, "amount": 500})
    assert standin.payout_now() is None
    standin.advance(days=2)
    paid(client)  # Pending: the next payout has it.
    cursor = standin.cursor
    made = standin.payout_now()
    assert made is not None
    assert made["amount"] == 4325
    assert made["automatic"]
    held = client.v1.balance_transactions.list({"payout": made["id"]}).data
    assert [entry.type for entry in held] == ["payout", "refund", "charge"]
    assert sum(entry.net for entry in held) == 0
    assert client.v1.balance.retrieve().available[0].amount == 0
    assert types_since(standin, cursor) == [
        "payout.created",
        "payout.updated",
        "payout.reconciliation_completed",
    ]
    payout = client.v1.payouts.retrieve(made["id"], {"expand": ["balance_transaction"]})
    assert payout.reconciliation_status == "completed"
    assert payout.balance_transaction.amount == -4325


def test_paid_payout_can_still_fail_and_its_money_returns(standin: StandIn, client: Any) -> None:
    paid(client)
    standin.advance(days=2)
    made = standin.payout_now()
    assert made is not None
    cursor = standin.cursor
    for status in ("in_transit", "paid", "failed"):
        assert standin.move_payout(made["id"], status)["status"] == status
    assert types_since(standin, cursor) == ["payout.updated", "payout.paid", "payout.failed"]
    payout = client.v1.payouts.retrieve(made["id"], {"expand": ["failure_balance_transaction"]})
    assert payout.failure_code == "account_closed"
    assert payout.failure_balance_transaction.type == "payout_failure"
    assert client.v1.balance.retrieve().available[0].amount == 4825
    again = standin.payout_now()
    assert again is not None
    assert again["amount"] == 4825


def test_manual_payout_is_not_itemised(standin: StandIn, client: Any) -> None:
    paid(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    standin.advance(days=2)
    payout = client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert payout.reconciliation_status == "not_applicable"
    with pytest.raises(stripe.InvalidRequestError, match="automatic transfers"):
        client.v1.balance_transactions.list({"payout": payout.id})
    rest = standin.payout_now()
    assert rest is not None
    assert rest["amount"] == 3825
    held = client.v1.balance_transactions.list({"payout": rest["id"]}).data
    assert sum(entry.net for entry in held) == 0


def test_fee_of_its_own_has_the_category_fee(standin: StandIn, client: Any) -> None:
    fee = standin.add_fee(250, description="Radar")
    transaction = client.v1.balance_transactions.retrieve(fee["id"])
    assert (transaction.reporting_category, transaction.type) == ("fee", "stripe_fee")
    assert (transaction.amount, transaction.source) == (-250, None)


def test_rate_can_be_changed(standin: StandIn, client: Any) -> None:
    intent = paid(client, 1000, "eur")
    standin.set_rate("eur", "1.20")
    client.v1.refunds.create({"payment_intent": intent.id})
    amounts = [entry.amount for entry in client.v1.balance_transactions.list().data]
    assert amounts == [-1200, 1100]
