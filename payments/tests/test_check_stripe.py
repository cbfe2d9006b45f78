"""``check_stripe`` says what a key may do, and whether the endpoint suits; it changes nothing."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import stripe
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from payments.account import Access, Inspection, _compare_clocks, inspect
from payments.endpoints import EVENTS
from payments.mirror.projection import SPECS
from payments.resources import RESOURCES
from payments.tests.conftest import Shop
from standin import StandIn

OUR_ADDRESS = "http://127.0.0.1:8000/stripe/webhook/"
READER = {"*": "read", "charge": "write"}


def run() -> tuple[int, str]:
    """The exit code and what was printed."""
    output = io.StringIO()
    try:
        call_command("check_stripe", stdout=output)
    except CommandError as error:
        return error.returncode, output.getvalue() + str(error)
    return 0, output.getvalue()


@pytest.fixture
def endpoint(standin: StandIn) -> str:
    """An endpoint of this application that sends what is handled, in the SDK's version."""
    made = standin.add_webhook(
        OUR_ADDRESS, "whsec_1", enabled_events=list(EVENTS), api_version=stripe.api_version
    )
    return str(made["id"])


def use(standin: StandIn, settings: Settings, scopes: dict[str, str]) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_restricted", scopes)


def test_a_key_that_reads_and_refunds_lacks_nothing(
    standin: StandIn, settings: Settings, endpoint: str
) -> None:
    use(standin, settings, READER)
    code, output = run()
    assert (code, output.splitlines()[-1]) == (0, "Nothing is missing.")
    assert "account:     acct_1StandIn00000000" in output
    assert "key:         restricted, test mode" in output
    assert f"API version: {stripe.api_version}" in output
    assert "warning" not in output
    for name in RESOURCES:
        assert re.search(rf"^{name} +yes ", output, re.M), name
    assert re.search(r"^refunds +yes +yes$", output, re.M)
    assert re.search(r"^charges +yes +yes$", output, re.M)
    assert re.search(r"^customers +yes +no$", output, re.M)


def test_a_full_secret_key_works_and_is_warned_of(standin: StandIn, endpoint: str) -> None:
    code, output = run()
    assert code == 0
    assert "key:         full secret, test mode" in output
    assert "warning: This is a full secret key." in output


def test_missing_permissions_are_named(standin: StandIn, settings: Settings, endpoint: str) -> None:
    use(standin, settings, {"*": "read", "charge": "none", "payout": "none"})
    code, output = run()
    assert code == 1
    assert re.search(r"^charges +no +no +rak_charge_read$", output, re.M)
    assert "problem: charges can't be read: rak_charge_read" in output
    assert "problem: refunds can't be read: rak_refund_read" in output
    assert "problem: payouts can't be read: rak_payout_read" in output
    assert "3 things are to be put right." in output


def test_a_key_that_may_write_is_warned_of(
    standin: StandIn, settings: Settings, endpoint: str
) -> None:
    # Canceling an order that isn't paid cancels its payment at Stripe, so that may be written.
    may = {"customer": "write", "invoice": "write", "payment_intent": "write"}
    use(standin, settings, {**READER, **may})
    code, output = run()
    assert code == 0
    assert "warning: The key may write customers, invoices, and needn't." in output


def test_writing_charges_without_refunds_is_needless(
    standin: StandIn, settings: Settings, endpoint: str
) -> None:
    use(standin, settings, {"*": "read", "charge": "write", "refund": "read"})
    assert "warning: The key may write charges, and needn't." in run()[1]


def test_a_key_that_may_not_refund_is_told(
    standin: StandIn, settings: Settings, endpoint: str
) -> None:
    use(standin, settings, {"*": "read"})
    code, output = run()
    assert code == 0
    assert "warning: The key may not write refunds: none can be asked for here." in output


def test_trying_to_write_changes_nothing(shop: Shop, settings: Settings) -> None:
    standin = shop.standin
    use(standin, settings, {"*": "write"})
    objects, cursor = standin.state()["objects"], standin.cursor
    found = inspect()
    assert {ability.write for ability in found.abilities if ability.resource == "charges"} == {
        Access.YES
    }
    assert standin.state()["objects"] == objects
    assert standin.cursor == cursor


def test_the_account_is_known_even_to_a_key_that_may_not_read_it(
    standin: StandIn, settings: Settings
) -> None:
    use(standin, settings, {"customer": "read"})
    assert inspect().account == "acct_1StandIn00000000"


def test_a_key_of_another_account_is_a_problem(
    standin: StandIn, settings: Settings, endpoint: str
) -> None:
    settings.STRIPE_ACCOUNT = "acct_other"
    code, output = run()
    assert code == 1
    assert "STRIPE_ACCOUNT is acct_other" in output


def test_no_endpoint_is_a_problem(standin: StandIn) -> None:
    standin.add_webhook("http://127.0.0.1:8000/elsewhere/", "whsec_1")
    code, output = run()
    assert code == 1
    assert "No enabled webhook endpoint leads to /stripe/webhook/" in output


def test_a_disabled_endpoint_is_a_problem(standin: StandIn, endpoint: str) -> None:
    standin.set_webhook(endpoint, disabled=True)
    code, output = run()
    assert code == 1
    assert f"problem: {OUR_ADDRESS} is disabled." in output


def test_events_that_arent_sent_are_named(standin: StandIn, endpoint: str) -> None:
    kept = [name for name in EVENTS if name not in ("refund.failed", "payout.paid")]
    standin.set_webhook(endpoint, enabled_events=kept)
    code, output = run()
    assert code == 1
    assert f"problem: {OUR_ADDRESS} doesn't send payout.paid, refund.failed." in output


def test_events_that_nobody_handles_are_warned_of(standin: StandIn, endpoint: str) -> None:
    standin.set_webhook(endpoint, enabled_events=[*EVENTS, "topup.created"])
    code, output = run()
    assert code == 0
    assert f"warning: {OUR_ADDRESS} sends what nobody handles: topup.created." in output


def test_an_endpoint_of_another_version_is_warned_of(standin: StandIn, endpoint: str) -> None:
    standin.set_webhook(endpoint, api_version="2022-11-15")
    code, output = run()
    assert code == 0
    assert f"{OUR_ADDRESS} sends 2022-11-15, while reads come in {stripe.api_version}" in output


def test_an_endpoint_without_a_version_has_the_accounts(standin: StandIn, endpoint: str) -> None:
    standin.set_webhook(endpoint, api_version=None)
    assert "the account's default version" in run()[1]


def test_endpoints_that_may_not_be_seen_are_no_problem(
    standin: StandIn, settings: Settings
) -> None:
    use(standin, settings, {**READER, "webhook": "none"})
    code, output = run()
    assert code == 0
    assert "warning: The webhook endpoints can't be looked at: rak_webhook_read" in output


def test_an_invalid_key_is_told(standin: StandIn, settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_unknown"
    code, output = run()
    assert code == 1
    assert "Invalid API Key" in output


def test_no_key_is_told(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    assert run() == (1, "STRIPE_API_KEY isn't set, so Stripe's API can't be called.")


@pytest.mark.parametrize(
    ("seconds", "warned"), [(0, False), (20, False), (300, True), (-300, True)]
)
def test_a_clock_that_differs_is_warned_of(seconds: int, warned: bool) -> None:
    now = datetime.now(UTC)
    found = Inspection(livemode=False, restricted=True)
    _compare_clocks(format_datetime(now + timedelta(seconds=seconds), usegmt=True), now, found)
    assert bool(found.warnings) is warned


def test_every_event_asked_for_is_of_an_object_that_is_mirrored() -> None:
    objects = {"charge.dispute": "dispute", "customer.subscription": "subscription"}
    for name in EVENTS:
        family = name.rpartition(".")[0]
        assert objects.get(family, family) in SPECS, name
    assert list(EVENTS) == sorted(set(EVENTS))


def test_every_event_of_the_stand_in_that_is_mirrored_is_asked_for(shop: Shop) -> None:
    standin = shop.standin
    refund = shop.call("refunds", charge=shop["charge"], amount=100)
    standin.fail_refund(refund["id"])
    standin.resolve_dispute(shop["dispute"], "won")
    standin.api("DELETE", f"/v1/subscriptions/{shop['subscription']}", {})
    sent = {
        event["type"]
        for event in standin.events_since(0)
        if event["data"]["object"]["object"] in SPECS
    }
    assert len(sent) > 20
    # The same news under an older name.
    assert sent - set(EVENTS) <= {"charge.refund.updated", "invoice.payment_succeeded"}
