"""Each check, from the registry: it fails, passes, and fails again, and says exactly who."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.tests.rows import build
from monitoring import registry
from monitoring.models import Issue, IssueTransition
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies import ANOMALIES
from monitoring.tests.rows import link, order, payment, refund
from orders.models import Order
from payments.models import Charge, InvoicePayment, PaymentIntent, Refund, StripeEvent

pytestmark = pytest.mark.django_db


def exit_code(*arguments: str) -> int:
    """What ``manage.py run_checks --fail-on-issues`` exits with."""
    try:
        call_command("run_checks", "--fail-on-issues", *arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def open_subjects() -> set[tuple[Any, ...]]:
    return set(
        Issue.objects.filter(status="open").values_list(
            "check_name", "subject_type", "subject_id", "amount_minor", "currency"
        )
    )


def test_every_check_has_an_anomaly() -> None:
    assert {check.name for check in registry.all_checks()} == set(ANOMALIES)


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert exit_code() == 0
    assert not Issue.objects.exists()


@pytest.mark.parametrize("name", sorted(ANOMALIES))
def test_fails_then_passes_then_reopens(name: str, settings: Settings) -> None:
    settings.ALERT_URLS = []  # an anomaly may set it; it is as it was after the test
    anomaly = ANOMALIES[name]
    anomaly.make()
    assert exit_code() == 1  # of all checks: no other may see anything in it
    expected = {
        (check, *found)
        for check, subjects in {name: anomaly.finds(), **anomaly.also()}.items()
        for found in subjects
    }
    assert open_subjects() == expected

    anomaly.mend()
    assert exit_code() == 0
    issue = Issue.objects.get(check_name=name)
    assert (issue.status, issue.reopened, issue.occurrences) == ("resolved", 0, 1)
    assert issue.resolved_at is not None

    anomaly.again()
    assert exit_code("--only", name, *anomaly.also()) == 1
    issue.refresh_from_db()
    assert (issue.status, issue.reopened, issue.occurrences) == ("open", 1, 2)
    assert [
        (step.from_status, step.to_status) for step in IssueTransition.objects.filter(issue=issue)
    ] == [("", "open"), ("open", "resolved"), ("resolved", "open")]


def found(name: str) -> list[Issue]:
    """The issues of a check that are open after a run of it alone."""
    run = run_checks([name])
    assert not run.crashed, run.results
    return list(Issue.objects.filter(check_name=name, status="open").order_by("id"))


def test_a_payment_has_ten_minutes_to_find_its_order() -> None:
    payment(captured_at=timezone.now() - timedelta(minutes=9))
    assert found("payment_without_order") == []
    Charge.objects.update(captured_at=timezone.now() - timedelta(minutes=11))
    assert len(found("payment_without_order")) == 1


@pytest.mark.parametrize("way", ["intent", "charge", "invoice payment", "charge's invoice payment"])
def test_a_payment_of_an_invoice_needs_no_order(way: str) -> None:
    payment()
    assert len(found("payment_without_order")) == 1
    if way == "intent":
        PaymentIntent.objects.update(invoice_id="in_1")
    elif way == "charge":
        Charge.objects.update(invoice_id="in_1")
    elif way == "invoice payment":
        build(InvoicePayment, invoice_id="in_1", payment_intent_id="pi_1")
    else:
        build(InvoicePayment, invoice_id="in_1", charge_id="ch_1")
    assert found("payment_without_order") == []


def test_a_charge_without_an_intent_is_named_itself() -> None:
    payment()
    PaymentIntent.objects.all().delete()
    Charge.objects.update(payment_intent_id=None)
    [issue] = found("payment_without_order")
    assert (issue.subject_type, issue.subject_id) == ("payments.charge", "ch_1")


def test_an_intent_that_succeeded_counts_before_its_charge_arrives() -> None:
    payment()
    Charge.objects.all().delete()
    [issue] = found("payment_without_order")
    assert (issue.subject_id, issue.amount_minor) == ("pi_1", 5_000)


def test_refunding_a_payment_without_an_order_settles_it() -> None:
    payment()
    refund(amount=2_000)
    [issue] = found("payment_without_order")
    assert issue.amount_minor == 3_000
    Refund.objects.update(amount=5_000)
    assert found("payment_without_order") == []


def test_an_authorisation_and_a_charge_that_failed_brought_no_money() -> None:
    payment(captured_at=None, amount_captured=0)
    PaymentIntent.objects.update(status="requires_capture", amount_received=0, succeeded_at=None)
    assert found("payment_without_order") == []
    Charge.objects.update(
        captured_at=timezone.now() - timedelta(hours=1), amount_captured=5_000, status="failed"
    )
    assert found("payment_without_order") == []


def test_several_payments_of_an_order_add_up() -> None:
    one = order(total=5_000)
    for key, amount in (("1", 2_000), ("2", 3_000)):
        payment(key, amount=amount)
        link(one, f"pi_{key}")
    assert found("amount_mismatch") == []


def test_refunding_the_duplicate_payment_settles_it() -> None:
    one = order(total=5_000)
    for key in ("1", "2"):
        payment(key)
        link(one, f"pi_{key}")
    [issue] = found("several_payments")
    assert issue.amount_minor == 5_000
    refund(of="ch_2", amount=4_000)
    [issue] = found("several_payments")
    assert issue.amount_minor == 1_000
    Refund.objects.update(amount=5_000)
    assert found("several_payments") == []


def test_an_ordinary_refund_is_no_mismatch_of_amounts() -> None:
    payment()
    link(order(), "pi_1")
    refund(amount=5_000)
    assert found("amount_mismatch") == []


def test_giving_back_too_small_a_payment_settles_it() -> None:
    payment(amount=4_000)
    link(order(), "pi_1")
    refund(amount=4_000)
    assert found("amount_mismatch") == []


def test_payments_of_two_wrong_currencies_are_not_added() -> None:
    one = order()
    for key, currency in (("1", "usd"), ("2", "jpy")):
        payment(key, currency=currency)
        link(one, f"pi_{key}")
    [issue] = found("currency_mismatch")
    assert (issue.amount_minor, issue.currency) == (None, "")
    assert issue.summary == f"Order {one.number} in EUR was paid 50.00 USD, 5,000 JPY"
    assert found("amount_mismatch") == []


def refunded(**charge: Any) -> Order:
    """An order of 50.00 of which its charge says that 10.00 were refunded."""
    payment(**{"amount_refunded": 1_000, **charge})
    one = order(captured_minor=5_000, refunded_minor=1_000)
    link(one, "pi_1")
    return one


def test_refund_rows_that_agree_are_no_mismatch() -> None:
    refunded()
    assert len(found("refund_mismatch")) == 1
    refund(amount=1_000)
    assert found("refund_mismatch") == []


def test_a_pending_refund_is_in_the_charge_but_not_in_the_order() -> None:
    refunded()
    refund(amount=1_000, status="pending", succeeded_at=None)
    Order.objects.update(refunded_minor=0)
    assert found("refund_mismatch") == []


def test_what_a_partial_capture_released_is_no_refund() -> None:
    payment(amount=6_000, amount_captured=5_000, amount_refunded=1_000)
    link(order(captured_minor=5_000), "pi_1")
    assert found("refund_mismatch") == []  # Stripe may list no refund for it
    refund(amount=1_000)
    assert found("refund_mismatch") == []  # or list one


def test_a_mismatch_of_refunds_has_ten_minutes_to_settle() -> None:
    refunded(as_of=timezone.now() - timedelta(minutes=9))
    assert found("refund_mismatch") == []


def test_more_refunded_than_captured_is_told_once() -> None:
    payment(amount_refunded=7_000)
    refund(amount=7_000)
    link(order(captured_minor=5_000, refunded_minor=5_000), "pi_1")
    assert found("refund_mismatch") == []
    [issue] = found("given_back_above_captured")
    assert (issue.subject_id, issue.amount_minor) == ("ch_1", 2_000)


def test_a_charge_without_an_order_is_named_itself_in_a_mismatch_of_refunds() -> None:
    payment(amount_refunded=1_000)
    [issue] = found("refund_mismatch")
    assert (issue.subject_type, issue.subject_id) == ("payments.charge", "ch_1")


def test_an_order_that_says_refunded_without_any_payment_is_found() -> None:
    one = order(captured_minor=5_000, refunded_minor=1_000)
    [issue] = found("refund_mismatch")
    assert (issue.subject_id, issue.amount_minor) == (str(one.pk), 1_000)


def test_events_that_wait_are_one_issue_however_many() -> None:
    for _ in range(3):
        build(StripeEvent, received_at=timezone.now() - timedelta(minutes=20))
    [issue] = found("stuck_events")
    assert dict(issue.evidence)["waiting"] == 3


def test_an_event_may_wait_a_quarter_of_an_hour() -> None:
    build(StripeEvent, received_at=timezone.now() - timedelta(minutes=14))
    assert found("stuck_events") == []
