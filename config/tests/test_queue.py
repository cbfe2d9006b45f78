"""The admin's first page: each panel tells what its list holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.queue import KINDS, SHOWN, Panel
from config.tests.rows import NOW, build
from monitoring.models import Issue
from orders.models import Order
from payments.models import Charge, Dispute, Refund, RefundRequest, StripeEvent

pytestmark = pytest.mark.django_db
HOME = "admin:index"


def paid(number: int, **values: Any) -> Order:
    order = build(
        Order,
        number=f"A-{number}",
        status="pending",
        payment_intent_id=None,
        checkout_session_id=None,
        **{"currency": "usd", "total_minor": 1000, **values},
    )
    from orders.services.transitions import Move, move_all
    from orders.states import OrderStatus

    move_all([Move(order, OrderStatus.PAID, NOW - timedelta(days=number), reason="for a test")])
    return order


def captured(key: str, currency: str) -> Charge:
    return build(
        Charge,
        id=key,
        status="succeeded",
        amount=900,
        amount_captured=900,
        amount_refunded=0,
        captured_at=NOW,
        currency=currency,
    )


def fill(user: User) -> None:
    """Seven of each kind, two currencies where money is in it."""
    for number in range(7):
        currency = "jpy" if number == 6 else "usd"
        paid(number, currency=currency)
        build(
            Issue,
            subject_id=str(number),
            amount_minor=None if number == 5 else 100,
            currency=currency,
            assignee=user if number < 2 else None,
            first_seen=NOW - timedelta(hours=number),
        )
        build(StripeEvent, stripe_id=f"evt_{number}", status="dead" if number % 2 else "failed")
        build(
            Dispute,
            id=f"dp_{number}",
            status="needs_response",
            amount=300,
            currency=currency,
            due_by=NOW + timedelta(days=number) if number else None,
        )
        charge = captured(f"ch_{number}", currency)
        failed = number % 2
        build(
            Refund,
            id=f"re_{number}",
            charge=charge,
            status="failed" if failed else "pending",
            failed_at=NOW if failed else None,
            amount=200,
            currency=currency,
        )
        build(
            RefundRequest,
            charge=charge,
            status="refused" if failed else "recorded",
            next_at=None if failed else NOW,
            amount=50,
            currency=charge.currency,
            refund_id=None,
            first_sent_at=None,
        )
    # A failed one that was made good, and one that arrived.
    mended = captured("ch_mended", "usd")
    build(Refund, id="re_mended", charge=mended, status="failed", failed_at=NOW, amount=200)
    build(
        Refund,
        id="re_again",
        charge=mended,
        status="succeeded",
        failed_at=None,
        amount=200,
        created=NOW + timedelta(days=1),
    )
    build(Dispute, id="dp_done", status="won")
    build(Issue, subject_id="done", status="resolved", resolved_at=NOW)
    build(StripeEvent, stripe_id="evt_done", status="processed")


def panels(client: Client) -> list[Panel]:
    client_response = client.get(reverse(HOME))
    assert client_response.status_code == 200
    return list(client_response.context["panels"])


def test_each_panels_count_is_its_lists(client: Client, operator: User) -> None:
    fill(operator)
    client.force_login(operator)
    found = panels(client)
    assert [panel.title for panel in found] == [kind.title for kind in KINDS]
    for panel in found:
        rows = client.get(panel.url).context["cl"]
        assert rows.result_count == panel.backlog.count > 0
        assert len(panel.rows) == min(panel.backlog.count, SHOWN)
        shown = {row.pk for row in rows.result_list}
        assert len(shown) == panel.backlog.count


def test_an_issue_that_was_set_aside_waits_for_nobody(client: Client, operator: User) -> None:
    later = NOW + timedelta(days=1)
    for status, values in {
        "acknowledged": {},
        "muted": {"muted_until": later},
        "accepted": {},
    }.items():
        build(Issue, subject_id=status, status=status, summary=status, assignee=operator, **values)
    client.force_login(operator)
    for panel in panels(client)[:2]:
        assert [row.text for row in panel.rows] == ["acknowledged"]
        assert panel.backlog.count == 1


def test_a_panel_tells_the_oldest_and_the_sum_of_each_currency(
    client: Client, operator: User
) -> None:
    fill(operator)
    client.force_login(operator)
    by_title = {panel.title: panel for panel in panels(client)}
    orders = by_title["Orders to fulfil"]
    assert orders.backlog.oldest == NOW - timedelta(days=6)
    assert orders.backlog.sums == (("jpy", 1000), ("usd", 6000))
    assert [row.text for row in orders.rows] == ["A-6", "A-5", "A-4", "A-3", "A-2"]
    issues = by_title["Issues"]
    assert issues.backlog.sums == (("jpy", 100), ("usd", 500))  # one is about no money
    mine = by_title["Issues of yours"]
    assert (mine.backlog.count, mine.backlog.sums) == (2, (("usd", 200),))
    refunds = by_title["Refunds that wait or failed"]
    assert refunds.backlog.sums == (("jpy", 200), ("usd", 1200))
    assert by_title["Refunds that Stripe hasn’t made"].backlog.count == 7
    disputes = by_title["Disputes to answer"]
    assert disputes.backlog.oldest == NOW + timedelta(days=1)
    assert disputes.rows[0].text == "dp_1"
    text = client.get(reverse(HOME)).content.decode()
    assert "1,000 JPY" in text
    assert "60.00 USD" in text


def test_nothing_to_do_is_said(client: Client, operator: User) -> None:
    client.force_login(operator)
    text = client.get(reverse(HOME)).content.decode()
    assert "Every paid order is fulfilled." in text
    assert "Issues of yours" not in text


def test_one_sees_only_what_one_may(client: Client, operator: User) -> None:
    fill(operator)
    operator.groups.clear()
    client.force_login(operator)
    assert panels(client) == []


def test_statements_do_not_grow_with_the_rows(client: Client, operator: User, queries: Any) -> None:
    client.force_login(operator)
    fill(operator)
    panels(client)
    with queries() as few:
        panels(client)
    for number in range(7, 40):
        paid(number)
        build(StripeEvent, stripe_id=f"evt_{number}", status="dead")
    with queries() as many:
        panels(client)
    assert len(many) == len(few)
