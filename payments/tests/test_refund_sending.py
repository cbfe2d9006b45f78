"""Recorded refunds reach Stripe once, whatever breaks in between."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from config.tests.processes import Running, environment, start
from payments import refund_sending, tasks
from payments.client import CallInTransaction
from payments.models import (
    BalanceTransaction,
    Charge,
    ReadRequest,
    Refund,
    RefundRequest,
    StripeEvent,
)
from payments.refund_requests import ask_again, record_wishes
from payments.refund_sending import LEASE, SAME_KEY_FOR, send_due, send_now
from payments.refunds import ask_refund
from payments.tests.refunding import captured, hear, left_of, recorded, refunds_at, wish
from standin import StandIn

pytestmark = pytest.mark.django_db
REFUNDS: dict[str, Any] = {"method": "POST", "path": "/v1/refunds"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def charge(standin: StandIn) -> Charge:
    """A captured charge of 50.00 USD, at Stripe and here."""
    return captured(standin)


def fresh(request: RefundRequest) -> RefundRequest:
    return RefundRequest.objects.get(pk=request.pk)


def later(request: RefundRequest, by: timedelta = timedelta(days=1)) -> None:
    """Let time pass: the request was sent so much earlier, and is due."""
    row = fresh(request)
    RefundRequest.objects.filter(pk=request.pk).update(
        next_at=timezone.now(), first_sent_at=(row.first_sent_at or timezone.now()) - by
    )


def pending_keys(standin: StandIn) -> set[str]:
    return {key.partition(":")[2] for key in standin.api_side.idempotency.saved}


def test_a_request_becomes_a_refund_that_is_mirrored(standin: StandIn, charge: Charge) -> None:
    request = recorded(charge, reason="duplicate", note="paid twice")
    assert send_due().sent == 1
    [made] = refunds_at(standin, charge)
    request = fresh(request)
    assert (request.status, request.refund_id, request.next_at) == ("made", made["id"], None)
    assert (made["amount"], made["reason"]) == (1200, "duplicate")
    assert made["metadata"] == {"refund_request": str(request.pk), "reason": "paid twice"}
    refund = Refund.objects.get()
    assert (refund.pk, refund.amount, refund.charge_id) == (made["id"], 1200, charge.pk)
    assert StripeEvent.objects.filter(type="read.refund", object_id=refund.pk).exists()
    assert AuditEvent.objects.get(action="refund_request.made").after["refund"] == made["id"]
    assert left_of(charge) == 3800
    hear(standin)
    assert left_of(charge) == 3800
    transaction_id = refund.balance_transaction_id
    assert BalanceTransaction.objects.get(pk=transaction_id).amount == -1200


def test_the_job_sends_what_waits(charge: Charge) -> None:
    requests = [recorded(charge, 100), recorded(charge, 200)]
    tasks.send_refunds()
    assert {fresh(request).status for request in requests} == {"made"}


def test_only_those_asked_for_are_sent_now(standin: StandIn, charge: Charge) -> None:
    mine, other = recorded(charge, 100), recorded(charge, 200)
    assert send_now([mine.pk]).sent == 1
    assert (fresh(mine).status, fresh(other).status) == ("made", "recorded")
    assert [made["amount"] for made in refunds_at(standin, charge)] == [100]


def test_a_pending_refund_is_made_and_pending(standin: StandIn, charge: Charge) -> None:
    standin.next_refund("insufficient_funds")
    request = recorded(charge)
    send_due()
    refund = Refund.objects.get()
    assert (fresh(request).status, refund.status) == ("made", "pending")
    assert refund.pending_reason == "insufficient_funds"


def test_what_stripe_refuses_is_refused_with_its_words(standin: StandIn, charge: Charge) -> None:
    request = recorded(charge, 4000)
    standin.api("POST", "/v1/refunds", {"charge": charge.pk, "amount": 5000})
    send_due()
    request = fresh(request)
    assert (request.status, request.code, request.next_at) == (
        "refused",
        "charge_already_refunded",
        None,
    )
    assert "already been refunded" in request.error
    assert AuditEvent.objects.filter(action="refund_request.refused").count() == 1
    assert send_due().sent == 0


def test_a_refused_request_that_is_asked_again_has_another_key(
    standin: StandIn, charge: Charge
) -> None:
    dispute = standin.create_dispute(charge.pk)
    request = recorded(charge)
    send_due()
    assert fresh(request).code == "charge_disputed"
    standin.resolve_dispute(dispute["id"], "won")
    ask_again(request.pk, reason="won")
    send_due()
    assert fresh(request).status == "made"
    assert len(refunds_at(standin, charge)) == 1


def test_too_many_requests_leave_it_recorded_and_others_unsent(
    standin: StandIn, charge: Charge
) -> None:
    first, second = recorded(charge, 100), recorded(charge, 200)
    standin.add_fault(429, **REFUNDS)
    assert "rate limit" in send_now([first.pk, second.pk]).note
    assert (fresh(first).status, fresh(first).first_sent_at) == ("recorded", None)
    assert fresh(second).tries == 0
    RefundRequest.objects.update(next_at=timezone.now())
    send_due()
    assert {row.status for row in RefundRequest.objects.all()} == {"made"}


def test_a_key_that_may_not_refund_leaves_it_waiting_and_says_so(
    standin: StandIn, charge: Charge, settings: Settings
) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_reader", {"*": "read"})
    request = recorded(charge)
    assert "rak_refund_write" in send_due().note
    request = fresh(request)
    assert (request.status, request.first_sent_at) == ("recorded", None)
    assert "rak_refund_write" in request.error
    settings.STRIPE_API_KEY = standin.secret_key
    RefundRequest.objects.update(next_at=timezone.now())
    send_due()
    assert fresh(request).status == "made"


def test_without_a_key_it_waits(charge: Charge, settings: Settings) -> None:
    request = recorded(charge)
    settings.STRIPE_API_KEY = ""
    assert "STRIPE_API_KEY" in send_due().note
    assert fresh(request).tries == 0


def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    standin: StandIn, charge: Charge
) -> None:
    standin.add_fault(drop=True, count=1, **REFUNDS)
    request = recorded(charge)
    send_now([request.pk])
    assert (fresh(request).status, len(refunds_at(standin, charge))) == ("unknown", 1)
    assert left_of(charge) == 3800
    later(request, by=timedelta(0))
    send_due()
    [made] = refunds_at(standin, charge)
    assert (fresh(request).status, fresh(request).refund_id) == ("made", made["id"])
    assert fresh(request).attempt == 1


def test_tries_are_ever_further_apart(standin: StandIn, charge: Charge) -> None:
    standin.add_fault(503, count=100, **REFUNDS)
    request = recorded(charge)
    waits = []
    for _ in range(9):
        now = timezone.now()
        RefundRequest.objects.update(next_at=now)
        send_now([request.pk])
        waits.append(round(((fresh(request).next_at or now) - now).total_seconds()))
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_an_unknown_outcome_asks_for_the_charges_refunds(standin: StandIn, charge: Charge) -> None:
    standin.add_fault(500, after_effect=True, should_retry=False, **REFUNDS)
    request = recorded(charge)
    send_due()
    assert (fresh(request).status, fresh(request).tries) == ("unknown", 1)
    assert ReadRequest.objects.filter(kind="charge.refunds", key=charge.pk).exists()
    tasks.drain_reads()
    assert fresh(request).status == "made"


def test_the_webhook_of_its_refund_settles_it_too(standin: StandIn, charge: Charge) -> None:
    standin.add_fault(500, after_effect=True, should_retry=False, **REFUNDS)
    request = recorded(charge)
    send_due()
    hear(standin)
    [made] = refunds_at(standin, charge)
    assert (fresh(request).status, fresh(request).refund_id) == ("made", made["id"])


def test_a_replayed_500_stays_unknown_for_23_hours_and_is_then_found_in_the_list(
    standin: StandIn, charge: Charge
) -> None:
    standin.add_fault(500, after_effect=True, should_retry=False, **REFUNDS)
    request = recorded(charge)
    for _ in range(3):
        send_due()
        later(request, by=timedelta(0))
        assert fresh(request).status == "unknown"
    later(request, by=SAME_KEY_FOR)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("made", 1)
    assert len(refunds_at(standin, charge)) == 1


def test_a_500_that_made_nothing_gets_another_attempt_only_after_the_list(
    standin: StandIn, charge: Charge
) -> None:
    standin.add_fault(500, should_retry=False, **REFUNDS)
    request = recorded(charge)
    send_due()
    later(request, by=SAME_KEY_FOR - MINUTE)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("unknown", 1)
    assert refunds_at(standin, charge) == []
    later(request, by=MINUTE)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("made", 2)
    assert [made["amount"] for made in refunds_at(standin, charge)] == [1200]
    assert AuditEvent.objects.filter(action="refund_request.not_at_stripe").count() == 1
    assert pending_keys(standin) >= {
        f"countinghouse-refund-{request.pk}-1",
        f"countinghouse-refund-{request.pk}-2",
    }


def test_a_key_that_stripe_forgot_makes_no_second_refund(standin: StandIn, charge: Charge) -> None:
    standin.add_fault(drop=True, **REFUNDS)
    request = recorded(charge)
    send_now([request.pk])
    standin.prune_idempotency_keys()
    later(request, by=timedelta(hours=25))
    send_due()
    assert fresh(request).status == "made"
    assert len(refunds_at(standin, charge)) == 1


def test_while_the_list_fails_nothing_is_attempted_anew(standin: StandIn, charge: Charge) -> None:
    standin.add_fault(500, should_retry=False, **REFUNDS)
    request = recorded(charge)
    send_due()
    later(request)
    standin.add_fault(500, method="GET", path="/v1/refunds", should_retry=False)
    assert send_due().note
    assert (fresh(request).status, fresh(request).attempt) == ("unknown", 1)
    later(request)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("made", 2)


def test_a_refusal_after_a_lost_answer_isnt_believed_before_the_list(
    standin: StandIn, charge: Charge
) -> None:
    """Stripe made it, lost the key's answer, and now refuses: there is nothing left to refund."""
    standin.add_fault(drop=True, **REFUNDS)
    request = recorded(charge, 5000)
    send_now([request.pk])
    standin.prune_idempotency_keys()
    later(request, by=timedelta(0))
    send_due()
    assert (fresh(request).status, fresh(request).code) == ("made", "")
    assert len(refunds_at(standin, charge)) == 1


def test_a_refusal_after_an_outage_is_believed_once_the_list_shows_none(
    standin: StandIn, charge: Charge
) -> None:
    standin.add_fault(503, count=1, **REFUNDS)
    request = recorded(charge, 5000)
    send_now([request.pk])
    standin.api("POST", "/v1/refunds", {"charge": charge.pk})
    later(request, by=timedelta(0))
    send_due()
    assert (fresh(request).status, fresh(request).code) == ("refused", "charge_already_refunded")


def test_a_key_used_for_something_else_is_unknown(standin: StandIn, charge: Charge) -> None:
    request = recorded(charge)
    standin_client_refund(standin, charge, f"countinghouse-refund-{request.pk}-1")
    send_due()
    assert fresh(request).status == "unknown"
    assert "idempotent requests" in fresh(request).error
    later(request)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("made", 2)


def standin_client_refund(standin: StandIn, charge: Charge, key: str) -> None:
    from payments.client import stripe_client

    stripe_client().v1.refunds.create(
        {"charge": charge.pk, "amount": 7}, options={"idempotency_key": key}
    )


def test_stripe_away_for_a_day_then_back(
    standin: StandIn, charge: Charge, settings: Settings
) -> None:
    request = recorded(charge)
    standin.stop()
    assert "can't be reached" in send_now([request.pk]).note
    assert fresh(request).status == "unknown"
    later(request)
    assert "can't be reached" in send_now([request.pk]).note
    assert (fresh(request).status, fresh(request).attempt) == ("unknown", 1)
    standin.start()
    settings.STRIPE_API_BASE = standin.url
    later(request)
    send_due()
    assert (fresh(request).status, fresh(request).attempt) == ("made", 2)
    assert len(refunds_at(standin, charge)) == 1


def test_the_page_waits_no_longer_than_a_person_would(
    standin: StandIn, charge: Charge, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    from payments import client

    monkeypatch.setattr(client, "HASTY_TIMEOUT", (0.2, 0.2))
    settings.STRIPE_REQUESTS_PER_SECOND = 9_999  # a client of its own
    standin.add_fault(latency=60.0, **REFUNDS)
    request = recorded(charge)
    began = time.monotonic()
    assert send_now([request.pk]).note
    assert time.monotonic() - began < 30
    assert fresh(request).status == "unknown"


def test_a_refund_that_names_a_request_of_another_charge_settles_nothing(
    standin: StandIn, charge: Charge
) -> None:
    other = captured(standin)
    request = recorded(charge)
    standin.api(
        "POST",
        "/v1/refunds",
        {"charge": other.pk, "metadata": {"refund_request": str(request.pk)}},
    )
    standin.api("POST", "/v1/refunds", {"charge": charge.pk, "metadata": {"refund_request": "r-1"}})
    hear(standin)
    assert Refund.objects.count() == 2
    assert fresh(request).status == "recorded"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_in_a_transaction(standin: StandIn, charge: Charge) -> None:
    request = recorded(charge)
    with transaction.atomic(), pytest.raises(CallInTransaction):
        send_due()
    assert fresh(request).tries == 0
    assert refunds_at(standin, charge) == []


def threads(count: int, work: Any) -> list[Any]:
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [done.result() for done in [pool.submit(run) for _ in range(count)]]


@pytest.mark.django_db(transaction=True)
def test_several_senders_at_once_send_each_request_once(
    standin: StandIn, charge: Charge, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_wishes([wish(charge, 100 + n) for n in range(12)])
    asked: list[int] = []

    def count(client: Any, request: RefundRequest) -> Any:
        assert not connection.in_atomic_block
        asked.append(request.amount)
        return ask_refund(client, request)

    monkeypatch.setattr(refund_sending, "ask_refund", count)
    sent = threads(4, send_due)
    assert sorted(asked) == [100 + n for n in range(12)]
    assert sum(each.sent for each in sent) == 12
    assert {row.status for row in RefundRequest.objects.all()} == {"made"}
    assert len(refunds_at(standin, charge)) == 10  # a list's first page
    assert charge_refunded(standin, charge) == sum(100 + n for n in range(12))


def charge_refunded(standin: StandIn, charge: Charge) -> int:
    return int(standin.get(charge.pk)["amount_refunded"])


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_stripes_deed_and_its_answer_makes_no_second_refund(
    standin: StandIn, charge: Charge, processes: list[Running]
) -> None:
    request = recorded(charge)
    standin.add_fault(latency=60.0, after_effect=True, **REFUNDS)
    running = start(
        "send_refunds",
        ["-m", "payments.tests.send_refunds"],
        environment({"STRIPE_API_KEY": standin.secret_key, "STRIPE_API_BASE": standin.url}),
    )
    processes.append(running)
    running.wait_for(lambda: bool(refunds_at(standin, charge)), "seen by Stripe")
    running.kill()

    row = fresh(request)
    assert (row.status, row.refund_id, row.tries) == ("unknown", None, 1)
    assert left_of(charge) == 3800
    assert send_due().sent == 0  # until the lease of the dead one is over
    assert send_due(now=timezone.now() + LEASE + MINUTE).sent == 1
    [made] = refunds_at(standin, charge)
    assert (fresh(request).status, fresh(request).refund_id) == ("made", made["id"])
    assert fresh(request).attempt == 1
    assert charge_refunded(standin, charge) == 1200


@pytest.mark.django_db(transaction=True)
def test_a_late_answer_doesnt_undo_what_another_found_out_meanwhile(
    standin: StandIn, charge: Charge
) -> None:
    """The lease ran out while a try hung; the next one settled it."""
    request = recorded(charge)
    claimed = refund_sending.claim(None, timezone.now())
    assert claimed is not None
    send_due(now=timezone.now() + LEASE + MINUTE)
    assert fresh(request).status == "made"
    refund_sending.put_off(claimed, "timed out", "", nothing_sent=True)
    assert fresh(request).status == "made"
    assert fresh(request).error == ""
