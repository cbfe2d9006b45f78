"""The checks of what an operator must do: answer a dispute, find goods for an order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import Issue
from monitoring.services.runs import run_checks
from monitoring.tests.rows import dispute, link, move, order, oversold, payment
from orders.models import Order, Product
from payments.models import Dispute

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = timezone.now()


def found(name: str, now: datetime | None = None) -> list[Issue]:
    run = run_checks([name], now=now)
    assert not run.crashed, run.results
    return list(Issue.objects.filter(check_name=name, status="open").order_by("id"))


@pytest.mark.parametrize(
    ("due", "severity"),
    [
        (NOW + 3 * DAY, "medium"),
        (NOW + 2.9 * DAY, "high"),
        (NOW + 0.9 * DAY, "critical"),
        (NOW - DAY, "critical"),
        (None, "high"),
    ],
)
def test_a_dispute_is_the_more_severe_the_nearer_its_date(due, severity):
    dispute(due_by=due)
    [issue] = found("dispute_needs_answer", NOW)
    assert issue.severity == severity


def test_the_same_issue_becomes_more_severe_as_time_passes():
    dispute(due_by=NOW + 10 * DAY)
    [first] = found("dispute_needs_answer", NOW)
    [second] = found("dispute_needs_answer", NOW + 8 * DAY)
    [third] = found("dispute_needs_answer", NOW + 11 * DAY)
    assert first.pk == second.pk == third.pk
    assert [one.severity for one in (first, second, third)] == ["medium", "high", "critical"]
    assert f"overdue since {NOW + 10 * DAY:%Y-%m-%d %H:%M} UTC" in third.summary


@pytest.mark.parametrize("status", [*Dispute.UNDER_REVIEW, *Dispute.CLOSED])
def test_a_dispute_that_is_answered_or_closed_is_no_issue(status):
    dispute(status=status)
    assert found("dispute_needs_answer") == []


@pytest.mark.parametrize("status", Dispute.NEEDS_ANSWER)
def test_inquiries_and_appeals_want_an_answer_too(status):
    dispute(status=status)
    [issue] = found("dispute_needs_answer")
    assert (issue.amount_minor, issue.currency) == (5_000, "eur")


@pytest.mark.parametrize("intent", ["pi_1", None])
def test_the_issue_of_a_dispute_names_its_order(intent):
    """An old version of Stripe's names no intent: the charge does."""
    payment()
    one = order()
    link(one, "pi_1")
    dispute(payment_intent_id=intent)
    [issue] = found("dispute_needs_answer")
    assert evidence(issue)["order"] == {"model": "orders.order", "id": str(one.pk), "text": "1001"}


def evidence(issue: Issue) -> dict[str, Any]:
    return dict(issue.evidence)


def test_an_oversold_order_says_what_it_lacks():
    oversold()
    [issue] = found("oversold_order")
    assert issue.summary == "Order 1001 over 50.00 EUR lacks 4 × MUG"
    assert (issue.amount_minor, evidence(issue)["in stock"]) == (4_000, ["3 × MUG"])


def test_where_nobody_counts_any_more_all_of_the_order_is_at_risk():
    oversold()
    Product.objects.update(stock=None)
    [issue] = found("oversold_order")
    assert issue.summary == "Order 1001 over 50.00 EUR lacks some of its products"
    assert issue.amount_minor == 5_000


def test_an_oversold_order_that_was_sent_after_all_is_no_issue():
    one = oversold()
    one.refresh_from_db()
    move(one, "fulfilled", fulfilled_at=timezone.now())
    assert Order.objects.get().oversold
    assert found("oversold_order") == []
