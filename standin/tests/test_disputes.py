from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import paid, types_since


def test_dispute_withdraws_the_amount_and_a_fee(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    cursor = standin.cursor
    created = standin.create_dispute(intent.latest_charge, reason="product_not_received")
    dispute = client.v1.disputes.retrieve(created["id"], {"expand": ["charge"]})
    assert dispute.status == "needs_response"
    assert dispute.evidence_details.due_by is not None
    assert dispute.evidence_details.due_by > standin.now
    (withdrawal,) = dispute.balance_transactions
    assert (withdrawal.amount, withdrawal.fee, withdrawal.net) == (-5000, 1500, -6500)
    assert dispute.charge.disputed
    assert types_since(standin, cursor) == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.updated",
    ]


def test_won_dispute_brings_the_amount_back(standin: StandIn, client: Any) -> None:
    intent = paid(client, payment_method="pm_card_createDispute")
    (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data
    submitted = client.v1.disputes.update(
        dispute.id, {"evidence": {"product_description": "A hat"}}
    )
    assert submitted.status == "under_review"
    assert submitted.evidence_details.submission_count == 1
    cursor = standin.cursor
    standin.resolve_dispute(dispute.id, "won")
    won = client.v1.disputes.retrieve(dispute.id)
    assert won.status == "won"
    assert [entry.amount for entry in won.balance_transactions] == [-5000, 5000]
    assert types_since(standin, cursor) == [
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_closing_a_dispute_loses_it(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    dispute = standin.create_dispute(intent.id)
    assert client.v1.disputes.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute["id"])


def test_inquiry_takes_no_money_until_it_escalates(standin: StandIn, client: Any) -> None:
    intent = paid(client, payment_method="pm_card_createDisputeInquiry")
    (dispute,) = client.v1.disputes.list({"charge": intent.latest_charge}).data
    assert dispute.status == "warning_needs_response"
    assert dispute.is_charge_refundable
    assert dispute.balance_transactions == []
    cursor = standin.cursor
    standin.escalate_dispute(dispute.id)
    assert client.v1.disputes.retrieve(dispute.id).status == "needs_response"
    assert "charge.dispute.funds_withdrawn" in types_since(standin, cursor)


def test_inquiry_can_be_closed_and_prevented_disputes_take_nothing(
    standin: StandIn, client: Any
) -> None:
    inquiry = standin.create_dispute(paid(client).id, status="warning_needs_response")
    assert standin.resolve_dispute(inquiry["id"], "warning_closed")["status"] == "warning_closed"
    prevented = standin.create_dispute(paid(client).id, status="prevented")
    assert prevented["status"] == "prevented"
    assert prevented["balance_transactions"] == []


def test_lost_dispute_can_be_appealed_and_won(standin: StandIn, client: Any) -> None:
    dispute = standin.create_dispute(paid(client).id)
    standin.resolve_dispute(dispute["id"], "lost")
    assert standin.appeal_dispute(dispute["id"])["status"] == "appeal_needs_response"
    answered = client.v1.disputes.update(dispute["id"], {"submit": True})
    assert answered.status == "appeal_under_review"
    won = standin.resolve_dispute(dispute["id"], "won", return_fee=True)
    assert sum(entry["net"] for entry in won["balance_transactions"]) == 0


def test_charged_back_payment_can_not_be_refunded(standin: StandIn, client: Any) -> None:
    intent = paid(client)
    standin.create_dispute(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"
