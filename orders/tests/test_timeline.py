"""An order's page tells all that happened to it in one list, and what its money came to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from auditlog.context import Actor, acting_as
from auditlog.services import record
from config.tests.rows import build
from monitoring.models import CheckRun, Issue, IssueTransition
from orders import timeline as timeline_module
from orders.detail import order_detail
from orders.models import Order
from orders.services.handling import add_note, fulfil_order
from orders.tests.mirror import (
    at,
    balance_transaction,
    charge,
    dispute,
    event_of,
    intent,
    put,
    refund,
    session,
)
from orders.timeline import Entry
from payments.models import RefundRequest

pytestmark = pytest.mark.django_db


def told(order: Order) -> list[str]:
    """What the timeline says, the first first."""
    order.refresh_from_db()
    return [entry.what for entry in reversed(order_detail(order).entries)]


def entry(order: Order, what: str) -> Entry:
    found = [entry for entry in order_detail(order).entries if entry.what == what]
    assert len(found) == 1, told(order)
    return found[0]


def page(client: Client, order: Order, **asked: Any) -> str:
    response = client.get(reverse("admin:orders_order_change", args=[order.pk]), asked)
    assert response.status_code == 200
    return response.content.decode()


def test_a_whole_life_in_its_order(shop_order):
    order = shop_order(placed_at=at(-10))
    put(
        intent(order="A-1"),
        charge(
            "ch_0",
            status="failed",
            failure_code="card_declined",
            failure_message="No funds.",
            created=at(-5),
        ),
        session(paid_at=at(1.5)),
    )
    put(charge())
    put(refund(amount=300, status="pending", pending_reason="processing"))
    put(dispute(amount=700, due_by=at(9000)))
    assert told(order) == [
        "Placed",
        "Payment attempt failed",
        "Payment captured",
        "pending → paid",
        "Checkout session completed",
        "Refund pending",
        "Dispute opened",
        "Dispute: answer due",
        "Created",
    ]
    attempt = entry(order, "Payment attempt failed")
    assert attempt.detail == "card declined: No funds."
    assert (attempt.amount_minor, attempt.currency, attempt.problem) == (1000, "usd", True)
    assert entry(order, "Refund pending").detail == "processing"
    assert entry(order, "Created").detail == "from the shop"


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        ("requires_action", ["Refund requires action"]),
        ("succeeded", ["Refund asked for", "Refund succeeded"]),
        ("failed", ["Refund asked for", "Refund succeeded", "Refund failed"]),
        ("canceled", ["Refund asked for", "Refund canceled"]),
    ],
)
def test_a_refund_is_told_in_each_of_its_states(paid, status, steps):
    times: dict[str, Any] = {"created": at(59)} | (
        {"failed_at": at(70)} if status == "canceled" else {}
    )
    put(refund(status=status, amount=100, failure_reason="expired_or_canceled_card", **times))
    assert [what for what in told(paid) if what.startswith("Refund")] == steps


def test_a_dispute_ends_when_its_last_event_says_so(paid):
    put(dispute(status="needs_response", as_of=at(90)))
    lost = dispute(status="lost", as_of=at(500))
    put(lost)
    assert entry(paid, "Dispute lost").at == at(500)
    lost.as_of = at(300)
    closing = event_of(lost)
    type(closing).objects.filter(pk=closing.pk).update(status="processed")
    assert entry(paid, "Dispute lost").problem
    assert "Dispute: answer due" not in told(paid)


def test_money_of_a_dispute_stands_on_its_own_dates(paid):
    put(
        dispute(status="won", balance_transactions=["txn_w", "txn_r"]),
        balance_transaction(
            "txn_w",
            "dp_1",
            amount=-900,
            fee=1500,
            net=-2400,
            currency="eur",
            reporting_category="dispute",
            created=at(91),
        ),
        balance_transaction(
            "txn_r",
            "dp_1",
            amount=900,
            net=900,
            currency="eur",
            reporting_category="dispute_reversal",
            created=at(400),
        ),
    )
    withdrawn = entry(paid, "Dispute: funds withdrawn")
    assert (withdrawn.at, withdrawn.amount_minor, withdrawn.currency) == (at(91), -900, "eur")
    assert entry(paid, "Dispute: funds reinstated").at == at(400)


def test_issues_of_the_order_and_of_its_payments_are_told(paid):
    run = build(CheckRun)
    for subject, key in (
        ("orders.order", paid.pk),
        ("payments.charge", "ch_1"),
        ("payments.charge", "ch_other"),
    ):
        issue = build(
            Issue,
            check_name=f"c_{subject}_{key}",
            subject_type=subject,
            subject_id=str(key),
            summary=f"about {key}",
            run=run,
        )
        step = {"from_status": "", "to_status": "open", "reason": ""}
        build(IssueTransition, issue=issue, run=run, at=at(5), **step)
    issues = [e for e in order_detail(paid).entries if e.what == "Issue opened"]
    assert sorted(e.detail for e in issues) == sorted([f"about {paid.pk}", "about ch_1"])
    assert all(e.problem for e in issues)


def test_what_a_person_did_names_the_person_and_is_told_once(as_operator, operator, paid):
    from auditlog.context import Actor, acting_as

    with acting_as(Actor("olive", operator)):
        fulfil_order(paid.pk, reason="parcel 7", now=at(30))
    move = entry(paid, "paid → fulfilled")
    assert (move.who, move.detail, move.at) == ("olive", "parcel 7", at(30))
    assert "Fulfilled" not in told(paid)  # the audit log's word for the same


def test_amounts_that_followed_their_payments_are_said(paid):
    put(refund(amount=300))
    assert entry(paid, "Amounts").detail == "captured 10.00 USD, refunded 3.00 USD"


def test_each_entry_leads_to_what_told_of_it(as_operator, paid):
    put(charge(as_of=at(1.1)))
    captured = entry(paid, "Payment captured")
    assert captured.event is not None
    assert captured.event.object_id == "ch_1"
    html = page(as_operator, paid)
    assert reverse("admin:payments_stripeevent_change", args=[captured.event.pk]) in html
    assert reverse("admin:payments_charge_change", args=[quote("ch_1")]) in html


def test_who_may_not_read_the_audit_log_gets_no_links_to_it(as_operator, client, auditor, paid):
    link = "/admin/auditlog/auditevent/"
    assert link not in page(as_operator, paid).split('class="story"')[1]
    client.force_login(auditor)
    assert link in page(client, paid).split('class="story"')[1]


def settled(order: Order, fee: int = 59, **values: Any) -> None:
    put(
        charge(balance_transaction_id="txn_1"),
        balance_transaction(
            "txn_1",
            "ch_1",
            amount=900,
            fee=fee,
            net=900 - fee,
            currency="eur",
            type="charge",
            reporting_category="charge",
            **values,
        ),
    )


def test_fees_and_net_are_those_of_the_balance(as_operator, paid):
    assert "not yet known" in page(as_operator, paid)  # the charge's transaction is missing
    settled(paid)
    html = page(as_operator, paid)
    assert "not yet known" not in html
    for amount in ("9.00 EUR", "0.59 EUR", "8.41 EUR"):
        assert amount in html
    put(refund(amount=500))
    html = page(as_operator, paid)
    assert "EUR so far" in html
    assert "not yet known" in html


def test_sums_of_different_currencies_are_never_added(as_operator, paid):
    settled(paid)
    put(
        refund(amount=500, balance_transaction_id="txn_2"),
        balance_transaction("txn_2", "re_1", amount=-520, currency="usd"),
    )
    totals = {t.currency: t.net for t in order_detail(paid).settlement.known}
    assert totals == {"eur": 841, "usd": -520}


def test_a_long_story_is_cut_with_a_link_to_all_of_it(as_operator, paid):
    for n in range(100):
        record("order.amounts", paid, reason=f"step {n}")
    html = page(as_operator, paid)
    assert "Show 44 earlier ones" in html
    assert "step 99" in html
    assert "step 9<" not in html
    whole = page(as_operator, paid, all="1")
    assert "step 9<" in whole
    assert "earlier ones" not in whole


def test_more_than_is_read_is_said(as_operator, paid, monkeypatch):
    monkeypatch.setattr(timeline_module, "MOST", 3)
    assert "There is more than is shown" not in page(as_operator, paid)
    for n in range(4):
        put(refund(f"re_{n}", amount=1))
    assert "There is more than is shown" in page(as_operator, paid)


def test_the_statements_are_bounded(as_operator, paid, queries):
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(as_operator, paid)
        return len(captured)

    put(
        refund("re_0", amount=1),
        dispute("dp_0", amount=1),
        session("cs_0", payment_intent_id="pi_1"),
    )
    settled(paid)
    before = statements()
    for n in range(1, 9):
        put(refund(f"re_{n}", amount=1), dispute(f"dp_{n}", amount=1))
        record("order.amounts", paid, reason=f"step {n}")
    assert statements() == before <= 28


def test_a_date_to_come_is_marked(as_operator, paid):
    due = timezone.now() + timedelta(days=3)
    put(dispute(due_by=due))
    assert "to come" in page(as_operator, paid)


def test_within_one_second_what_was_asked_comes_first_and_what_came_of_it_last(paid, operator):
    """Stripe's times are whole seconds, ours aren't."""
    RefundRequest.objects.create(
        charge_id="ch_1",
        amount=1000,
        currency="usd",
        asked_by=operator,
        asked_at=at(3) + timedelta(seconds=0.6),
        next_at=at(3),
    )
    put(refund(created=at(3), succeeded_at=at(3)))
    story = told(paid)
    asked = story.index("Refund requested")
    assert story[asked:][:3] == ["Refund requested", "Refund succeeded", "paid → canceled"]
    story = story[:asked]
    assert story.index("Payment captured") < story.index("pending → paid")


def test_notes_and_requests_for_refunds_are_told(as_operator, operator, paid):
    with acting_as(Actor("olive", user=operator)):
        add_note(paid.pk, text="Rang twice, nobody there", request=uuid4())
    RefundRequest.objects.create(
        charge_id="ch_1",
        amount=10,
        currency="usd",
        note="arrived broken",
        asked_by=operator,
        asked_at=at(3),
        next_at=at(3),
    )
    text = page(as_operator, paid)
    for words in ("Rang twice, nobody there", "Refund requested", "arrived broken", "0.10 USD"):
        assert words in text
