"""``sync_stripe``: what it takes, what it prints, how it ends."""

from __future__ import annotations

import io
import signal
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from payments.management.since import parse_since
from payments.models import Customer, StripeEvent, SyncCursor
from payments.tests.conftest import customers
from standin import StandIn

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What ``sync_stripe`` prints."""
    output = io.StringIO()
    call_command("sync_stripe", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def held() -> set[str]:
    return set(Customer.objects.values_list("id", flat=True))


def test_a_refused_resource_stops_no_other_and_is_told(
    standin: StandIn, settings: Settings
) -> None:
    customers(standin, 1)
    scopes = {"*": "read", "charge": "none", "payout": "none"}
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", scopes)
    with pytest.raises(CommandError) as caught:
        run()
    assert caught.value.returncode == 1
    assert "rak_charge_read" in str(caught.value)
    assert "rak_payout_read" in str(caught.value)
    assert len(held()) == 1
    assert set(SyncCursor.objects.exclude(error="").values_list("pk", flat=True)) == {
        "charges",
        "refunds",
        "payouts",
    }


class Interrupting(io.StringIO):
    """Somebody presses Ctrl-C when they see the first line."""

    def write(self, text: str) -> int:
        signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_ends_it_in_one_line_and_keeps_what_came(standin: StandIn) -> None:
    made = customers(standin, 2)
    with pytest.raises(CommandError, match="Interrupted") as caught:
        call_command("sync_stripe", stdout=Interrupting())
    assert caught.value.returncode == 130
    kept = StripeEvent.objects.filter(type="read.customer")
    assert set(kept.values_list("object_id", flat=True)) == set(made)


def test_a_run_is_audited(standin: StandIn) -> None:
    customers(standin, 2)
    run("--only", "customers,coupons")
    event = AuditEvent.objects.get()
    assert event.action == "stripe.sync"
    assert event.actor_name == "job:sync_stripe"
    assert event.after["listed"] == {"customers": 2, "coupons": 0}
    assert event.after["new"] == 2


def test_output_has_a_line_a_resource(standin: StandIn) -> None:
    customers(standin, 2)
    lines = run("--only", "products,customers").splitlines()
    assert lines == [
        "customers: 2 listed, 2 new",
        "products: 0 listed, 0 new",
        "2 listed, 2 new; 0 read singly; 2 processed, 0 failed, 0 dead.",
    ]


def test_a_terminal_gets_a_bar(standin: StandIn) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    customers(standin, 102)
    output = Terminal()
    call_command("sync_stripe", "--only=customers,coupons", "--since=1d", stdout=output)
    shown = [line.rstrip() for line in output.getvalue().replace("\n", "\r").split("\r") if line]
    assert shown[-2] == "[########################] 100%  coupons: 0 listed, 0 new"
    assert shown[0].startswith("[")
    assert "customers: 100 listed, 100 new, back to" in shown[0]
    shares = [int(line[26:].split("%")[0]) for line in shown[:-1]]
    assert shares == sorted(shares)


def test_an_unknown_resource_is_named_with_those_there_are(standin: StandIn) -> None:
    with pytest.raises(CommandError, match="nothing called horoscopes; there are customers, "):
        run("--only", "charges,horoscopes")


def test_without_a_key_the_command_says_so(settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(CommandError, match="STRIPE_API_KEY isn't set"):
        run()


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-11-01T10:30:00Z", datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
        ("2026-11-01 10:30+02:00", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_a_day_or_a_time(settings: Settings, text: str, expected: datetime) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    assert parse_since(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "7w", "2026-13-01", "-7d", "2027-01-01"])
def test_since_that_means_no_past_time_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        parse_since(text, NOW)
