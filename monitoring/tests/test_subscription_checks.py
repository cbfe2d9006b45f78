"""What the checks of subscriptions and invoices find, and what they let pass."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from analyticsapp.models import SubscriptionSpan
from config.tests.rows import build
from monitoring.models import Severity
from monitoring.tests.finding import findings
from monitoring.tests.rows import payment
from monitoring.tests.subscribing import DAY, invoice, invoice_payment, item, subscription
from payments import inbox
from payments.models import Charge, Invoice, InvoicePayment, PaymentIntent, Source, Subscription
from payments.tests import stripe_events

pytestmark = pytest.mark.django_db


def test_a_payment_of_an_invoice_has_an_hour_to_be_listed() -> None:
    invoice(paid_at=timezone.now() - timedelta(minutes=59))
    assert findings("invoice_paid_without_payment") == []
    Invoice.objects.update(paid_at=timezone.now() - timedelta(minutes=61))
    assert len(findings("invoice_paid_without_payment")) == 1


def test_an_old_invoice_that_was_just_read_has_an_hour_too() -> None:
    invoice(as_of=timezone.now())
    assert findings("invoice_paid_without_payment") == []


def test_an_invoice_paid_in_part_says_how_much_is_missing() -> None:
    invoice()
    invoice_payment(amount=400)
    [finding] = findings("invoice_paid_without_payment")
    assert (finding.amount_minor, finding.currency) == (600, "eur")
    assert finding.evidence["by payments"] == {"amount": 400, "currency": "eur"}
    invoice_payment("2", amount=600, payment_intent_id=None)  # a record of one outside of Stripe
    assert findings("invoice_paid_without_payment") == []


@pytest.mark.parametrize("way", ["charge", "intent"])
def test_before_basil_the_charge_or_its_intent_names_the_invoice(way: str) -> None:
    invoice()
    payment(amount=1_000)
    assert len(findings("invoice_paid_without_payment")) == 1
    if way == "charge":
        Charge.objects.update(invoice_id="in_1")
    else:
        PaymentIntent.objects.update(invoice_id="in_1")
    assert findings("invoice_paid_without_payment") == []
    Charge.objects.update(status="failed")
    assert len(findings("invoice_paid_without_payment")) == 1


def test_a_payment_that_was_not_made_pays_nothing() -> None:
    invoice()
    invoice_payment(status="open")
    assert len(findings("invoice_paid_without_payment")) == 1


@pytest.mark.parametrize(
    "values", [{"paid_out_of_band": True}, {"amount_paid": 0}, {"status": "open"}]
)
def test_what_was_paid_outside_of_stripe_or_not_at_all_needs_no_payment(
    values: dict[str, Any],
) -> None:
    invoice(**values)
    assert findings("invoice_paid_without_payment") == []


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"amount_paid_off_stripe": 1_000}, None),
        ({"amount_paid_off_stripe": 300}, 700),
        ({"starting_balance": -1_500, "ending_balance": -500}, None),
        ({"starting_balance": -200, "ending_balance": 0}, 800),
        ({"starting_balance": 500, "ending_balance": 0}, 1_000),  # a debt, not a credit
        ({"starting_balance": 100, "ending_balance": 900}, 1_000),
        ({"starting_balance": -300, "ending_balance": 900}, 700),
        ({"pre_payment_credit_notes_amount": 1_000}, None),
        ({"starting_balance": "garbage", "amount_paid_off_stripe": None}, 1_000),
    ],
)
def test_credit_and_payments_outside_of_stripe_are_read_from_the_invoice(
    said: dict[str, Any], missing: int | None
) -> None:
    invoice()
    inbox.store(
        [stripe_events.event("invoice.paid", stripe_events.invoice("in_1", **said))], Source.WEBHOOK
    )
    assert [finding.amount_minor for finding in findings("invoice_paid_without_payment")] == (
        [] if missing is None else [missing]
    )


@pytest.mark.parametrize(
    "values",
    [
        {"paused": True},
        {"status": "trialing"},
        {"status": "past_due"},
        {"status": "canceled"},
        {"current_period_start": timezone.now() - timedelta(hours=23)},
        {"current_period_start": None},
    ],
)
def test_who_is_not_to_be_charged_now_needs_no_invoice(values: dict[str, Any]) -> None:
    subscription(**values)
    assert findings("subscription_without_invoice") == []


@pytest.mark.parametrize("status", ["draft", "open", "paid", "void", "uncollectible"])
def test_any_invoice_of_the_period_will_do(status: str) -> None:
    subscription()
    invoice(status=status)
    assert findings("subscription_without_invoice") == []


def test_the_invoice_of_the_period_before_will_not_do() -> None:
    subscription(latest_invoice_id="in_1")
    invoice(created=timezone.now() - 32 * DAY)
    [finding] = findings("subscription_without_invoice")
    assert (finding.severity, finding.amount_minor) == (None, 1_000)


def test_an_invoice_that_stripe_has_and_we_lack_is_less_bad() -> None:
    subscription(latest_invoice_id="in_unknown")
    [finding] = findings("subscription_without_invoice")
    assert finding.severity == Severity.LOW
    assert finding.evidence["latest invoice"] == "in_unknown, which we lack"


def test_an_invoice_that_the_subscription_alone_names_counts() -> None:
    subscription(latest_invoice_id="in_1")
    invoice(subscription_id=None)
    assert findings("subscription_without_invoice") == []


@pytest.mark.parametrize(
    ("items", "amount"),
    [
        ([item(quantity=3)], 3_000),
        ([item(), item(unit_amount_decimal="0.5")], 1_000),  # half a cent to even
        ([item(), item(interval="year")], None),
        ([item(usage_type="metered")], None),
        ([item(unit_amount_decimal=None)], None),
        ([item(unit_amount_decimal="garbage")], None),
        ([item(currency="usd")], None),
        ([], None),
    ],
)
def test_what_a_period_is_worth_is_one_amount_or_unknown(
    items: list[dict[str, Any]], amount: int | None
) -> None:
    subscription(items=items)
    [finding] = findings("subscription_without_invoice")
    assert (finding.amount_minor, finding.currency) == (amount, "eur" if amount else "")


def past_due(*days: tuple[str, int, int | None]) -> None:
    """A subscription that had a status from so many days ago until so many days ago."""
    subscription(status="past_due")
    now = timezone.now()
    for status, since, until in days:
        build(
            SubscriptionSpan,
            subscription_id="sub_1",
            customer_id="cus_1",
            currency="eur",
            status=status,
            starts_at=now - since * DAY,
            ends_at=None if until is None else now - until * DAY,
            lines=[],
        )


def test_past_due_counts_from_when_it_last_became_so() -> None:
    past_due(("past_due", 60, 50), ("active", 50, 20), ("past_due", 20, None))
    assert findings("subscription_past_due") == []


def test_a_change_while_past_due_does_not_begin_it_anew() -> None:
    past_due(("active", 60, 30), ("past_due", 30, 10), ("past_due", 10, None))
    [finding] = findings("subscription_past_due")
    assert finding.summary == "Past due for 30 days"


def test_one_that_was_first_seen_past_due_is_as_old_as_its_oldest_unpaid_invoice() -> None:
    past_due(("past_due", 2, None))
    invoice(
        status="open", amount_paid=0, amount_remaining=700, finalized_at=timezone.now() - 40 * DAY
    )
    invoice("2", status="open", amount_paid=0, amount_remaining=300)
    [finding] = findings("subscription_past_due")
    assert finding.summary == "Past due for 40 days"
    assert (finding.amount_minor, finding.currency) == (1_000, "eur")


def test_the_days_are_a_setting(settings: Settings) -> None:
    past_due(("past_due", 10, None))
    assert findings("subscription_past_due") == []
    settings.SUBSCRIPTION_PAST_DUE_DAYS = 9
    assert len(findings("subscription_past_due")) == 1


def test_a_status_that_is_known_is_not_found() -> None:
    subscription(status="dormant")
    assert len(findings("subscription_status_unknown")) == 1
    assert findings("value_unknown") == []  # it has a check of its own
    for status in ("active", "canceled", "incomplete_expired", "paused"):
        Subscription.objects.update(status=status)
        assert findings("subscription_status_unknown") == []


def test_two_currencies_owed_are_not_added() -> None:
    past_due(("past_due", 30, None))
    invoice(status="open", amount_paid=0, amount_remaining=700)
    invoice("2", status="open", amount_paid=0, amount_remaining=300, currency="usd")
    [finding] = findings("subscription_past_due")
    assert (finding.amount_minor, finding.currency) == (None, "")


def test_payments_of_another_invoice_do_not_count() -> None:
    invoice()
    invoice_payment(invoice_id="in_2")
    assert len(findings("invoice_paid_without_payment")) == 1
    InvoicePayment.objects.update(invoice_id="in_1")
    assert findings("invoice_paid_without_payment") == []
