"""Refunds that fail, that Stripe doesn't answer, or refuses: who is told, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.tests.rows import build
from monitoring.models import Issue
from monitoring.services.runs import run_checks
from monitoring.tests.rows import HOUR, ask_for_refund, link, order, payment, refund
from orders.models import Order, OrderTransition
from orders.services.creation import NewOrder, create_order
from orders.tests.mirror import at, put
from orders.tests.mirror import charge as captured
from orders.tests.mirror import intent as succeeded
from orders.tests.mirror import refund as refunded
from payments.models import Dispute, Refund, RefundRequest

pytestmark = pytest.mark.django_db


def found(name: str) -> list[Issue]:
    """The issues of a check that are open after a run of it alone."""
    run = run_checks([name])
    assert not run.crashed, run.results
    return list(Issue.objects.filter(check_name=name, status="open").order_by("id"))


def failed(key: str = "1", amount: int = 5_000, **values: Any) -> Refund:
    at = timezone.now() - HOUR
    return refund(key, amount, **{"status": "failed", "failed_at": at, **values})


def test_a_failed_refund_names_its_order_and_why() -> None:
    payment()
    link(order(captured_minor=5_000), "pi_1")
    failed(failure_reason="lost_or_stolen_card")
    [issue] = found("refund_failed")
    assert issue.summary == (
        "Refund of 50.00 EUR for order 1001 failed after it had succeeded (lost or stolen card)"
    )
    assert (issue.severity, issue.kind) == ("high", "attention")


def test_it_is_critical_where_the_order_was_canceled_for_it() -> None:
    paid = create_order(
        NewOrder("A-1", "usd", 1_000), source=Order.Source.SHOP, reason="from the shop"
    )
    put(succeeded(order="A-1"), captured())
    put(refunded())
    assert found("refund_failed") == []
    put(refunded(status="failed", failed_at=at(120)))
    [issue] = found("refund_failed")
    assert issue.severity == "critical"
    assert issue.summary.endswith("; the order is canceled")
    assert issue.amount_minor == 1_000
    paid.refresh_from_db()
    assert (paid.status, paid.refunded_minor) == ("canceled", 0)
    assert OrderTransition.objects.filter(order=paid).count() == 2
    put(refunded("re_2", created=at(130), succeeded_at=at(130)))
    assert found("refund_failed") == []


def test_a_part_that_was_refunded_anew_lessens_what_is_at_risk() -> None:
    payment()
    failed(amount=5_000)
    refund("2", 2_000, created=timezone.now())
    [issue] = found("refund_failed")
    assert issue.amount_minor == 3_000


def test_what_was_refunded_before_it_failed_makes_nothing_good() -> None:
    payment()
    refund("2", 2_000, created=timezone.now() - 2 * HOUR)
    failed(amount=2_000)
    assert len(found("refund_failed")) == 1


def test_a_replacement_that_fails_is_told_in_place_of_the_first() -> None:
    payment()
    failed("1", 2_000, failed_at=timezone.now() - 2 * HOUR)
    failed("2", 2_000, created=timezone.now() - HOUR, failed_at=timezone.now())
    [issue] = found("refund_failed")
    assert issue.subject_id == "re_2"


def test_one_replacement_makes_one_of_two_failed_refunds_good() -> None:
    payment()
    failed("1", 2_000, failed_at=timezone.now() - 2 * HOUR)
    failed("2", 2_000, created=timezone.now() - 3 * HOUR, failed_at=timezone.now() - HOUR)
    refund("3", 2_000, created=timezone.now())
    [issue] = found("refund_failed")
    assert (issue.subject_id, issue.amount_minor) == ("re_2", 2_000)


def test_a_replacement_serves_the_failures_before_it_the_first_first() -> None:
    payment()
    failed("1", 2_000, failed_at=timezone.now() - 3 * HOUR)
    refund("2", 2_500, created=timezone.now() - 2 * HOUR)
    failed("3", 1_000, created=timezone.now() - 4 * HOUR, failed_at=timezone.now() - HOUR)
    refund("4", 300, created=timezone.now())
    [issue] = found("refund_failed")
    assert (issue.subject_id, issue.amount_minor) == ("re_3", 700)
    assert ["refunded since", {"amount": 300, "currency": "eur"}] in issue.evidence


def test_a_canceled_refund_is_told_too() -> None:
    payment()
    failed(status="canceled", succeeded_at=None, failure_reason="")
    [issue] = found("refund_failed")
    assert issue.summary == "Refund of 50.00 EUR of ch_1 was canceled"


def test_a_request_has_fifteen_minutes_to_be_answered() -> None:
    charge = payment()
    build(
        RefundRequest,
        charge=charge,
        amount=100,
        currency="eur",
        asked_at=timezone.now() - timedelta(minutes=14),
        next_at=timezone.now(),
    )
    assert found("refund_request_stuck") == []


def test_an_unknown_outcome_is_told_as_such() -> None:
    ask_for_refund(status="unknown", first_sent_at=timezone.now() - HOUR)
    [issue] = found("refund_request_stuck")
    assert issue.summary == "Refund of 20.00 EUR for order 1001 has an unknown outcome"


def test_a_refusal_is_settled_by_another_request_or_when_nothing_is_left() -> None:
    refused = ask_for_refund(status="refused", next_at=None, error="insufficient balance")
    [issue] = found("refund_request_refused")
    assert issue.summary.endswith("was refused by Stripe: insufficient balance")
    dispute = build(
        Dispute,
        charge_id="ch_1",
        amount=5_000,
        currency="eur",
        status="needs_response",
        is_charge_refundable=False,
    )
    assert found("refund_request_refused") == []
    dispute.delete()
    assert len(found("refund_request_refused")) == 1
    build(
        RefundRequest,
        charge=refused.charge,
        amount=1_000,
        currency="eur",
        asked_at=timezone.now(),
        next_at=timezone.now(),
    )
    assert found("refund_request_refused") == []


def test_an_issue_leads_to_its_request_its_order_and_its_charge(
    client: Client, auditor: Any
) -> None:
    request = ask_for_refund()
    [issue] = found("refund_request_stuck")
    client.force_login(auditor)
    text = client.get(reverse("admin:monitoring_issue_change", args=[issue.pk])).content.decode()
    assert reverse("admin:payments_refundrequest_change", args=[request.pk]) in text
    assert "1001</a>" in text
    assert client.get(request.get_absolute_url()).status_code == 200
