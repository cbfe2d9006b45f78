"""Remedies from an issue's page: each calls a service, and the check looks again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from auditlog.models import AuditEvent
from config.tests.rows import build
from monitoring import registry
from monitoring.models import Issue
from monitoring.registry import Finding, label
from monitoring.remedies.registry import all_remedies, remedy
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies import ANOMALIES
from monitoring.tests.conftest import Register
from monitoring.tests.rows import event, link, order, oversold, payment
from orders.models import Order, Product
from orders.services.creation import NewOrder, create_order
from payments import inbox
from payments.models import Charge, Refund, RefundRequest, Source, StripeEvent
from payments.tests.conftest import standin
from payments.tests.refunding import captured, hear
from standin import StandIn

__all__ = ["standin"]

pytestmark = pytest.mark.django_db


def page(client: Client, issue: Issue) -> str:
    return client.get(reverse("admin:monitoring_issue_change", args=[issue.pk])).content.decode()


def offered(client: Client, issue: Issue) -> list[str]:
    """The remedies' buttons on the issue's page."""
    return re.findall(r'class="remedy"[^>]*>([^<]*)…<', page(client, issue))


def use(client: Client, name: str, issue: Issue, **form: Any) -> str:
    """Fill in the remedy's form as it is offered, and send it."""
    url = reverse(f"admin:monitoring_issue_{name}", args=[issue.pk])
    asked = client.get(url)
    assert asked.status_code == 200, asked.headers.get("Location")
    fresh = asked.context["form"]
    values = {field.name: field.value() for field in fresh if field.value() is not None}
    response = client.post(url, {**values, "reason": "because", **form}, follow=True)
    return response.content.decode()


def the_issue(name: str) -> Issue:
    return Issue.objects.get(check_name=name)


def settled(minutes: int = 20) -> None:
    """What was heard is as old as a check waits for."""
    then = timezone.now() - timedelta(minutes=minutes)
    Charge.objects.update(captured_at=then)


@pytest.fixture
def at_work(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def test_every_check_names_remedies_that_there_are() -> None:
    names = {act.name for act in all_remedies()}
    for check in registry.all_checks():
        assert set(check.remedies) <= names, check.name
        assert len(set(check.remedies)) == len(check.remedies), check.name


def test_a_remedy_is_registered_once() -> None:
    with pytest.raises(ValueError, match="there is a remedy"):
        remedy(all_remedies()[0])


def test_a_payment_is_attached_to_its_order_and_the_issue_resolves(
    at_work: Client, operator: User
) -> None:
    payment()
    one = order("A-1")
    run_checks()
    issue = the_issue("payment_without_order")
    assert offered(at_work, issue)[0] == "Attach to an order"
    text = use(at_work, "attach_payment", issue, number="A-1")
    assert "The payment is order A-1’s now, which is paid." in text
    assert "found it gone: the issue is resolved" in text
    assert "remedy: Attach to an order" in text
    issue.refresh_from_db()
    one.refresh_from_db()
    assert (issue.status, one.status) == ("resolved", "paid")
    used = AuditEvent.objects.get(action="issue.remedy_used")
    assert (used.actor, used.reason) == (operator, "because")
    assert used.after["remedy"] == "Attach to an order"
    assert offered(at_work, issue) == []


def test_what_the_service_refuses_is_told_on_the_form(at_work: Client) -> None:
    payment()
    run_checks()
    issue = the_issue("payment_without_order")
    assert "there is no order X" in use(at_work, "attach_payment", issue, number="X")
    issue.refresh_from_db()
    assert issue.status == "open"
    assert not AuditEvent.objects.filter(action="issue.remedy_used").exists()


def test_a_payment_of_no_order_is_refunded(at_work: Client, standin: StandIn) -> None:
    charge = captured(standin, 5_000)
    settled()
    run_checks()
    issue = the_issue("payment_without_order")
    text = use(at_work, "refund_payment", issue)
    assert "Refund of 50.00 USD: succeeded" in text
    assert Refund.objects.get().charge_id == charge.pk
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_the_duplicate_is_refunded_by_the_difference(at_work: Client, standin: StandIn) -> None:
    create_order(NewOrder("A-1", "usd", 5_000), source=Order.Source.SHOP, reason="shop")
    for _ in range(2):
        standin.create_payment(5_000, metadata={"order": "A-1"})
    hear(standin)
    settled()
    run_checks()
    issue = the_issue("several_payments")
    assert offered(at_work, issue)[0] == "Refund the duplicate"
    assert "Refund of 50.00 USD: succeeded" in use(at_work, "refund_duplicate", issue)
    hear(standin)
    one = Order.objects.get()
    assert (one.captured_minor, one.refunded_minor, one.status) == (10_000, 5_000, "paid")
    run_checks(["several_payments"])
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_too_little_has_no_duplicate_to_refund(at_work: Client, standin: StandIn) -> None:
    create_order(NewOrder("A-1", "usd", 9_000), source=Order.Source.SHOP, reason="shop")
    standin.create_payment(5_000, metadata={"order": "A-1"})
    hear(standin)
    run_checks()
    issue = the_issue("amount_mismatch")
    assert offered(at_work, issue) == ["Refund an amount", "Read again from Stripe"]
    url = reverse("admin:monitoring_issue_refund_duplicate", args=[issue.pk])
    assert "not possible" in at_work.post(url, {"reason": "x"}, follow=True).content.decode()
    assert not RefundRequest.objects.exists()


def test_a_charge_is_read_again_and_what_was_missed_is_here(
    at_work: Client, standin: StandIn
) -> None:
    create_order(NewOrder("A-1", "usd", 5_000), source=Order.Source.SHOP, reason="shop")
    charge = captured(standin, 5_000, metadata={"order": "A-1"})
    standin.api("POST", "/v1/refunds", {"charge": charge.pk, "amount": 1_200})
    Charge.objects.update(amount_refunded=1_200)  # the refund's events were lost
    old = timezone.now() - timedelta(hours=1)
    Charge.objects.update(as_of=old)
    Order.objects.update(created_at=old)
    run_checks()
    issue = the_issue("refund_mismatch")
    text = use(at_work, "read_again", issue)
    assert "read." in text
    assert Refund.objects.get().amount == 1_200
    assert Order.objects.get().refunded_minor == 1_200
    issue.refresh_from_db()
    assert issue.status == "resolved"


@pytest.mark.django_db(transaction=True)
def test_a_dead_event_is_replayed(at_work: Client, standin: StandIn) -> None:
    standin.api("POST", "/v1/customers", {"name": "Ada"})
    inbox.store(standin.events_since(0, limit=10), Source.WEBHOOK)
    StripeEvent.objects.update(status="dead", error="OutOfMemory: none", attempts=12)
    run_checks()
    issue = the_issue("dead_events")
    assert "was processed." in use(at_work, "replay_event", issue)
    assert StripeEvent.objects.get().status == "processed"
    issue.refresh_from_db()
    assert issue.status == "resolved"


@pytest.mark.django_db(transaction=True)
def test_a_dead_event_that_fails_again_says_why(at_work: Client) -> None:
    stored = event(status="dead", error="ValueError: no currency", attempts=12)
    run_checks()
    text = use(at_work, "replay_event", the_issue("dead_events"))
    stored.refresh_from_db()
    assert (stored.status, stored.attempts) == ("failed", 1)
    assert f"The event {stored.stripe_id} failed again: " in text
    assert stored.error.splitlines()[0][:20] in text


def test_what_waits_is_processed(at_work: Client, standin: StandIn) -> None:
    standin.create_payment(5_000)
    inbox.store(standin.events_since(0, limit=100), Source.WEBHOOK)
    run_checks(["stuck_events"], now=timezone.now() + timedelta(hours=1))
    issue = the_issue("stuck_events")
    assert "0 failed, 0 dead." in use(at_work, "process_waiting", issue)
    assert not StripeEvent.objects.filter(status__in=StripeEvent.OPEN).exists()
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_restocking_serves_the_order_that_waits(at_work: Client) -> None:
    one = oversold()
    run_checks()
    issue = the_issue("oversold_order")
    assert offered(at_work, issue)[0] == "Restock"
    assert "Served first, because they waited for it: 1001" in use(
        at_work, "restock", issue, stock="6"
    )
    one.refresh_from_db()
    assert not one.oversold
    assert Product.objects.get().stock == 2
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_an_oversold_order_is_served_from_what_came_meanwhile(at_work: Client) -> None:
    oversold()
    Product.objects.update(stock=4)
    run_checks()
    issue = the_issue("oversold_order")
    assert "has all that it needs now" in use(at_work, "serve_order", issue)
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_a_refused_request_is_withdrawn(at_work: Client) -> None:
    ANOMALIES["refund_request_refused"].make()
    run_checks()
    issue = the_issue("refund_request_refused")
    assert offered(at_work, issue) == ["Ask Stripe again", "Withdraw the request"]
    assert "The request is withdrawn." in use(at_work, "withdraw", issue)
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_a_day_is_rebuilt(at_work: Client, register: Register) -> None:
    charge = payment()
    snapshots.build_all()
    DaySnapshot.objects.filter(gross_minor=charge.amount_captured).update(gross_minor=1)
    snapshot = DaySnapshot.objects.get(gross_minor=1)
    register(
        "odd",
        lambda now: [
            Finding(label(DaySnapshot), str(row.pk), "differs")
            for row in DaySnapshot.objects.filter(gross_minor=1)
        ],
        "rebuild_day",
    )
    run_checks(["odd"])
    issue = the_issue("odd")
    assert f"{snapshot.day} was counted anew" in use(at_work, "rebuild_day", issue)
    snapshot.refresh_from_db()
    assert snapshot.gross_minor == charge.amount_captured
    issue.refresh_from_db()
    assert issue.status == "resolved"


def test_only_the_remedies_that_its_check_names_can_be_used(at_work: Client) -> None:
    one = order(captured_minor=5_000)
    payment()
    link(one, "pi_1")
    issue = build(
        Issue, check_name="dead_events", subject_type="orders.order", subject_id=str(one.pk)
    )
    assert offered(at_work, issue) == []
    url = reverse("admin:monitoring_issue_refund_order", args=[issue.pk])
    assert "not possible" in at_work.post(url, {"reason": "x"}, follow=True).content.decode()
    assert not RefundRequest.objects.exists()


def test_an_auditor_uses_no_remedy(client: Client, auditor: User) -> None:
    payment()
    order("A-1")
    run_checks()
    issue = the_issue("payment_without_order")
    client.force_login(auditor)
    assert offered(client, issue) == []
    for act in all_remedies():
        url = reverse(f"admin:monitoring_issue_{act.name}", args=[issue.pk])
        assert client.post(url, {"number": "A-1", "reason": "x"}).status_code == 403
    assert Order.objects.get().status == "pending"
    assert not AuditEvent.objects.filter(action="issue.remedy_used").exists()
