"""Money arriving: what the checks of settlement, payouts and balance find, and what they don't."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.tests.rows import build
from monitoring import registry
from monitoring.models import Issue
from monitoring.registry import Finding
from monitoring.services.runs import run_checks
from monitoring.tests.arriving import DAY, HOUR, moved, paid_out, payout, reading
from monitoring.tests.rows import payment
from payments.models import (
    BalanceReading,
    BalanceTransaction,
    Charge,
    Payout,
    ReadRequest,
    StripeEvent,
)

pytestmark = pytest.mark.django_db


def found(name: str) -> list[Finding]:
    check = registry.get(name)
    assert check is not None
    return list(check.find(timezone.now()))


def differences(name: str) -> list[tuple[str, int | None]]:
    return [(finding.subject_id, finding.amount_minor) for finding in found(name)]


def amounts(finding: Finding) -> dict[str, int]:
    """The money in a finding's evidence."""
    return {
        name: value["amount"]
        for name, value in finding.evidence.items()
        if isinstance(value, dict) and "amount" in value
    }


# Settlement


def test_a_charge_has_three_days_to_reach_the_balance() -> None:
    payment(captured_at=timezone.now() - timedelta(days=2, hours=23))
    assert found("charge_not_settled") == []
    Charge.objects.update(captured_at=timezone.now() - timedelta(days=3, hours=1))
    assert differences("charge_not_settled") == [("ch_1", 5_000)]


@pytest.mark.parametrize(
    "values",
    [
        {"status": "failed"},
        {"amount_captured": 0},
        {"captured_at": None},
        {"balance_transaction_id": "txn_1"},
    ],
)
def test_what_brought_no_money_or_reached_the_balance_is_settled(values: dict[str, Any]) -> None:
    payment(**{"captured_at": timezone.now() - 9 * DAY, **values})
    assert found("charge_not_settled") == []


# What a payout holds


def test_a_payout_that_is_the_sum_of_its_list_is_right_with_and_without_itself_in_it() -> None:
    paid_out()
    assert found("payout_mismatch") == []
    BalanceTransaction.objects.filter(pk="txn_po").update(payout_id=None)
    assert found("payout_mismatch") == []


def test_one_cent_is_a_mismatch() -> None:
    paid_out()
    Payout.objects.update(amount=9_001)
    [finding] = found("payout_mismatch")
    assert (finding.amount_minor, finding.currency) == (1, "eur")
    assert finding.summary == "Payout of 90.01 EUR lists 90.00 EUR"
    assert finding.evidence["difference"] == {"amount": 1, "currency": "eur"}


def test_a_failed_payout_that_comes_out_again_counts_in_the_next() -> None:
    paid_out()
    moved("back", -9_000, of="po_1", source="po_0", type="payout_failure")
    assert differences("payout_mismatch") == [("po_1", 9_000)]


def test_another_currency_in_a_payout_is_never_added() -> None:
    paid_out()
    moved("2", 0, of="po_1", currency="usd")
    [finding] = found("payout_mismatch")
    assert finding.evidence["in other currencies"] == 1
    assert finding.amount_minor == 0


@pytest.mark.parametrize(
    "values",
    [
        {"automatic": False},
        {"reconciliation_status": "in_progress"},
        {"reconciliation_status": ""},
        {"as_of": "now"},
    ],
)
def test_only_what_stripe_has_reconciled_an_hour_ago_is_compared(values: dict[str, Any]) -> None:
    values = {name: timezone.now() if word == "now" else word for name, word in values.items()}
    payout(**values)
    moved(of="po_1", net=1)
    assert found("payout_mismatch") == []


def test_a_list_that_is_being_read_is_not_compared() -> None:
    paid_out()
    moved("2", 100, of="po_1")
    request = build(
        ReadRequest,
        kind="payout.balance_transactions",
        key="po_1",
        error="Stripe can't be reached",
        created_at=timezone.now() - HOUR,
    )
    assert found("payout_mismatch") == []
    ReadRequest.objects.update(created_at=timezone.now() - 2 * DAY)
    [finding] = found("payout_mismatch")
    assert finding.evidence["read error"] == "Stripe can't be reached"
    ReadRequest.objects.filter(pk=request.pk).update(error="")  # without a key none is tried
    assert found("payout_mismatch") == []


@pytest.mark.parametrize(("status", "count"), [("received", 0), ("failed", 0), ("dead", 1)])
def test_what_waits_in_the_inbox_is_waited_for(status: str, count: int) -> None:
    paid_out()
    BalanceTransaction.objects.filter(pk="txn_1").delete()
    build(
        StripeEvent,
        object_type="balance_transaction",
        object_id="txn_1",
        status=status,
        payload={"data": {"object": {}}, "context": {"payout": "po_1"}},
    )
    assert len(found("payout_mismatch")) == count


def test_a_payout_whose_list_was_never_read_is_told_once_it_is_paid() -> None:
    payout(status="in_transit")
    assert found("payout_mismatch") == []
    Payout.objects.update(status="paid")
    [finding] = found("payout_mismatch")
    assert finding.summary == "Payout of 90.00 EUR: what it holds couldn’t be read"


# Payouts that fail


def failed_payout(**values: Any) -> None:
    payout(status="failed", failure_balance_transaction_id="txn_back", **values)


def test_a_failed_payout_is_worse_while_its_money_has_not_come_back() -> None:
    failed_payout(as_of=timezone.now() - HOUR / 2)
    assert [finding.severity for finding in found("payout_failed")] == [None]
    Payout.objects.update(as_of=timezone.now() - 2 * HOUR)
    [finding] = found("payout_failed")
    assert finding.severity == "critical"
    moved("back", 9_000, source="po_1")
    [finding] = found("payout_failed")
    assert finding.severity is None
    assert finding.summary.endswith("its money came back")


@pytest.mark.parametrize(
    ("values", "settles"),
    [
        ({}, True),
        ({"status": "in_transit"}, False),
        ({"currency": "usd"}, False),
        ({"livemode": False}, False),
        ({"created": "before"}, False),
    ],
)
def test_a_later_payout_in_that_currency_takes_its_money_out(
    values: dict[str, Any], settles: bool
) -> None:
    failed_payout()
    moved("back", 9_000, source="po_1", created=timezone.now() - DAY)
    at = timezone.now() - (2 * DAY if values.pop("created", None) else HOUR)
    payout("2", **{"created": at, **values})
    assert (found("payout_failed") == []) is settles


# Where payouts go


def went(*payouts: tuple[str, str, str]) -> None:
    """Payouts of the last days to these destinations, of these types and currencies."""
    for number, (destination, kind, currency) in enumerate(payouts, 1):
        payout(
            str(number),
            destination=destination,
            type=kind,
            currency=currency,
            created=timezone.now() - DAY * (len(payouts) - number),
        )


BANK, CARD = "bank_account", "card"


@pytest.mark.parametrize(
    ("payouts", "changed"),
    [
        ([("ba_1", BANK, "eur")], []),
        ([("ba_1", BANK, "eur"), ("ba_1", BANK, "eur")], []),
        ([("ba_1", BANK, "eur"), ("ba_2", BANK, "eur"), ("ba_2", BANK, "eur")], ["po_2"]),
        ([("ba_1", BANK, "eur"), ("ba_2", BANK, "usd"), ("ba_1", BANK, "eur")], []),
        ([("ba_1", BANK, "eur"), ("ba_2", BANK, "eur"), ("ba_1", BANK, "eur")], ["po_2", "po_3"]),
        # An account that nobody told us doesn't count.
        ([("ba_1", BANK, "eur"), ("", BANK, "eur"), ("ba_1", BANK, "eur")], []),
        # To and fro between an account and a card is how instant payouts go.
        (
            [
                ("ba_1", BANK, "eur"),
                ("card_1", CARD, "eur"),
                ("ba_1", BANK, "eur"),
                ("card_1", CARD, "eur"),
                ("card_2", CARD, "eur"),
            ],
            ["po_2", "po_5"],
        ),
    ],
)
def test_a_payout_that_goes_elsewhere_is_told(
    payouts: list[tuple[str, str, str]], changed: list[str]
) -> None:
    went(*payouts)
    assert [finding.subject_id for finding in found("payout_destination_changed")] == changed


def test_a_changed_destination_says_what_it_was_before_and_is_told_for_a_month() -> None:
    went(("ba_1", BANK, "eur"), ("ba_2", BANK, "eur"))
    [finding] = found("payout_destination_changed")
    assert finding.summary == "90.00 EUR went to ba_2; payouts went to ba_1 before"
    assert (finding.amount_minor, finding.currency) == (9_000, "eur")
    Payout.objects.update(created=timezone.now() - 31 * DAY)
    assert found("payout_destination_changed") == []


# The balance


def balance_of(*readings: tuple[timedelta, int], whole: bool = False) -> None:
    """Readings so long ago that state so much."""
    for ago, amount in readings:
        reading(ago, available=amount, whole_history=whole)


def test_the_whole_history_adds_up_to_the_balance() -> None:
    moved(net=9_000)
    moved("fee", -300, reporting_category="fee")
    moved("po", -2_000, reporting_category="payout")
    balance_of((HOUR, 6_700), whole=True)
    assert found("balance_mismatch") == []
    BalanceTransaction.objects.filter(pk="txn_fee").delete()
    [finding] = found("balance_mismatch")
    assert (finding.subject_id, finding.amount_minor) == ("eur payments", 300)
    assert finding.summary == (
        "Stripe’s balance of payments is 3.00 EUR less than its transactions add up to"
    )
    assert amounts(finding) == {
        "opening": 0,
        "transactions": 9_000,
        "payouts": -2_000,
        "closing should be": 7_000,
        "closing by Stripe": 6_700,
        "of it available": 6_700,
        "of it pending": 0,
        "moved at that moment": 0,
        "difference": -300,
    }


def test_a_part_of_the_history_is_compared_from_the_first_readings_on() -> None:
    balance_of(*((10 * DAY - number * HOUR, 50_000) for number in range(3)))
    moved(net=1_000)  # four days ago
    balance_of(*((number * HOUR, 51_000) for number in range(1, 4)))
    assert found("balance_mismatch") == []
    BalanceTransaction.objects.update(amount=990, net=990)
    [finding] = found("balance_mismatch")
    assert finding.amount_minor == 10
    assert amounts(finding) == {
        "opening": 50_000,
        "transactions": 990,
        "payouts": 0,
        "closing should be": 50_990,
        "closing by Stripe": 51_000,
        "of it available": 51_000,
        "of it pending": 0,
        "moved at that moment": 0,
        "difference": 10,
    }


def test_what_is_older_than_the_first_readings_changes_nothing() -> None:
    balance_of(*((10 * DAY - number * HOUR, 50_000) for number in range(3)))
    balance_of(*((number * HOUR, 50_000) for number in range(1, 4)))
    moved(net=777, created=timezone.now() - 30 * DAY)
    assert found("balance_mismatch") == []


def test_a_transaction_that_is_only_just_made_may_be_in_the_reading_or_not() -> None:
    for seconds in (-60, 0, 60):
        moved(str(seconds), 1_000, created=timezone.now() - HOUR + timedelta(seconds=seconds))
    for stated in (0, 1_000, 2_000, 3_000):
        BalanceReading.objects.all().delete()
        balance_of((HOUR, stated), whole=True)
        assert found("balance_mismatch") == [], stated
    for stated, difference in ((-1, 1), (3_001, 1)):
        BalanceReading.objects.all().delete()
        balance_of((HOUR, stated), whole=True)
        assert differences("balance_mismatch") == [("eur payments", difference)]
    BalanceReading.objects.all().delete()
    balance_of((HOUR + timedelta(minutes=5), 3_000), whole=True)
    assert differences("balance_mismatch") == [("eur payments", 3_000)]


def test_one_reading_that_was_off_is_no_mismatch_until_three_say_so() -> None:
    moved(net=9_000)
    balance_of((4 * HOUR, 9_000), (3 * HOUR, 9_000), (2 * HOUR, 8_000), (HOUR, 8_000), whole=True)
    assert found("balance_mismatch") == []
    balance_of((HOUR / 2, 8_000), whole=True)
    assert differences("balance_mismatch") == [("eur payments", 1_000)]


def test_quiet_moments_are_believed_before_the_newest() -> None:
    moved(net=9_000)
    moved("busy", 400, created=timezone.now() - HOUR)
    balance_of((HOUR, 9_200), (HOUR * 2, 9_010), (HOUR * 3, 9_010), (HOUR * 4, 9_010), whole=True)
    assert differences("balance_mismatch") == [("eur payments", 10)]


def test_a_reading_rests_for_a_quarter_of_an_hour() -> None:
    balance_of((timedelta(minutes=14), 1), whole=True)
    assert found("balance_mismatch") == []
    balance_of((timedelta(minutes=16), 1), whole=True)
    assert differences("balance_mismatch") == [("eur payments", 1)]


def test_each_balance_and_currency_adds_up_by_itself() -> None:
    moved(net=9_000)
    moved("usd", 500, currency="usd")
    moved("issued", -40, balance_type="issuing")
    moved("kept", -40, balance_type="risk_reserved")  # Stripe's balance doesn't tell that one
    at = timezone.now() - HOUR
    amounts = {
        "payments": {"eur": {"available": 4_000, "pending": 5_000}},
        "issuing": {"eur": {"available": -30, "pending": 0}},
    }
    build(BalanceReading, amounts=amounts, created=at, whole_history=True)
    assert differences("balance_mismatch") == [("eur issuing", 10), ("usd payments", 500)]


def test_the_two_modes_are_never_added() -> None:
    moved(net=9_000)
    moved("test", 100, livemode=False)
    balance_of((HOUR, 9_000), whole=True)
    assert found("balance_mismatch") == []


def test_without_a_reading_nothing_is_compared() -> None:
    moved(net=9_000)
    assert found("balance_mismatch") == found("balance_negative") == []


def test_what_is_pending_covers_the_refunds_of_a_day() -> None:
    reading(available=-1_000, pending=1_000)
    assert found("balance_negative") == []
    BalanceReading.objects.update(
        amounts={"payments": {"eur": {"available": -1_000, "pending": 999}}}
    )
    [finding] = found("balance_negative")
    assert finding.summary == "Stripe’s balance of payments is −0.01 EUR"
    assert (finding.amount_minor, finding.currency) == (1, "eur")


def test_only_the_newest_balance_can_be_negative() -> None:
    reading(2 * HOUR, available=-5)
    reading(HOUR, available=5)
    assert found("balance_negative") == []


def test_a_balance_is_named_where_it_has_no_page(client: Client, auditor: User) -> None:
    moved(net=9_000)
    balance_of((HOUR, 9_001), whole=True)
    run_checks(["balance_mismatch"])
    client.force_login(auditor)
    issue = Issue.objects.get()
    page = client.get(reverse("admin:monitoring_issue_change", args=[issue.pk])).content.decode()
    assert "eur payments" in page
    assert "90.01 EUR" in page
