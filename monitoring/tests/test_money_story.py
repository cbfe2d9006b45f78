"""Money on its way to the bank, told by a Stripe that answers the real SDK: the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import stripe
from django.utils import timezone
from pytest_django.fixtures import Settings

from monitoring.models import Issue
from monitoring.services.runs import run_checks
from monitoring.services.triage import ACCEPT, decide_one
from payments import sync
from payments.models import BalanceReading, BalanceTransaction, Payout
from standin import StandIn

pytestmark = pytest.mark.django_db

ARRIVING = (
    "charge_not_settled",
    "payout_mismatch",
    "payout_failed",
    "payout_destination_changed",
    "balance_mismatch",
    "balance_negative",
)
READ = ("charges", "refunds", "balance_transactions", "payouts")


@pytest.fixture
def standin(settings: Settings) -> Iterator[StandIn]:
    """A Stripe whose clock stands three weeks ago."""
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        serving.set_now(int((timezone.now() - timedelta(days=21)).timestamp()))
        yield serving


@pytest.fixture
def client(standin: StandIn) -> stripe.StripeClient:
    return stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url})


def pay(client: stripe.StripeClient, amount: int) -> str:
    """A payment in USD; its intent's id."""
    intent = client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example.com/",
        }
    )
    return intent.id


def pay_out(standin: StandIn, *steps: str) -> str:
    """Three days later all that is available goes to the bank; the payout's id."""
    standin.advance(days=3)
    payout = standin.payout_now("usd")
    assert payout is not None
    for step in steps:
        standin.move_payout(payout["id"], step)
    return str(payout["id"])


def issues() -> dict[str, tuple[str, str, int | None]]:
    """Subject, severity and money at risk of what is open, two hours after Stripe was read."""
    sync.sync(only=READ)
    run = run_checks(ARRIVING, now=timezone.now() + timedelta(hours=2))
    assert not run.crashed, run.results
    return {
        issue.check_name: (issue.subject_id, issue.severity, issue.amount_minor)
        for issue in Issue.objects.filter(status="open")
    }


def test_a_payout_fails_goes_elsewhere_and_a_refund_empties_the_balance(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    intent = pay(client, 20_000)  # less 6.10 of fees
    first = pay_out(standin, "in_transit", "paid")
    assert issues() == {}
    reading = BalanceReading.objects.latest("created")
    told = client.v1.balance.retrieve()
    assert reading.amounts["payments"]["usd"] == {
        "available": told.available[0].amount,
        "pending": told.pending[0].amount,
    }
    assert Payout.objects.get(pk=first).amount == 19_390
    held = BalanceTransaction.objects.filter(payout=first).exclude(source=first)
    assert [row.net for row in held] == [19_390]

    standin.advance(days=1)
    standin.move_payout(first, "failed")
    assert issues() == {"payout_failed": (first, "high", 19_390)}

    standin.set_settings(payout_destination="ba_another")
    second = pay_out(standin, "paid")
    assert issues() == {"payout_destination_changed": (second, "high", 19_390)}

    client.v1.refunds.create({"payment_intent": intent})
    assert issues() == {
        "payout_destination_changed": (second, "high", 19_390),
        "balance_negative": ("usd payments", "high", 20_000),
    }

    pay(client, 30_000)
    assert set(issues()) == {"payout_destination_changed"}
    resolved = Issue.objects.filter(status="resolved").values_list("check_name", flat=True)
    assert set(resolved) == {"payout_failed", "balance_negative"}


def test_what_stripe_leaves_off_a_payouts_list_is_found_to_the_cent(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    pay(client, 20_000)
    pay(client, 1_000)
    payout = pay_out(standin)
    left_off = standin.world.by_payout[payout].pop(0)
    assert issues() == {}  # what it holds is asked for when it has arrived
    standin.move_payout(payout, "paid")
    net = standin.get(left_off)["net"]
    assert issues() == {"payout_mismatch": (payout, "high", net)}


def test_a_charge_whose_settlement_was_never_told_is_found(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    standin.set_settings(async_capture=True)
    charge = standin.get(pay(client, 20_000))["latest_charge"]
    assert issues() == {"charge_not_settled": (charge, "high", 20_000)}
    standin.settle_captures()
    assert issues() == {}


def test_a_balance_that_its_transactions_do_not_add_up_to_is_found(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    pay(client, 20_000)
    assert issues() == {}
    held = standin.world.balances["usd"]
    held["pending"] -= 250
    assert issues() == issues() == {}  # the first reading said otherwise, and three must agree
    assert issues() == {"balance_mismatch": ("usd payments", "high", 250)}

    decide_one(ACCEPT, Issue.objects.get().pk, reason="Stripe’s support looks into it")
    pay(client, 30_000)
    assert issues() == {}  # money moves, and the difference is the one that was accepted
    held["pending"] -= 1
    assert issues() == issues() == {}
    assert issues() == {"balance_mismatch": ("usd payments", "high", 251)}
