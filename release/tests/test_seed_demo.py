"""The demo's data: the same each time, whole after a break, and never where other data is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings
from pytest_django.fixtures import Settings

from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from analyticsapp.tests.agreement import PRESETS, assert_figures_are_what_the_rows_come_to, ranges
from analyticsapp.tests.counted_figures import Rows
from auditlog.models import AuditEvent
from governance.roles import ROLES
from monitoring.models import Issue
from orders.models import Order
from payments.models import StripeEvent
from release.demo.history import DAYS, History
from release.demo.people import ensure_people
from release.demo.seeding import NotADemo, Plan, is_seeded, past_of, seed
from standin import StandIn

NOW = datetime(2025, 11, 20, 15, 30, tzinfo=UTC)


def live(seed_number: int) -> list[str]:
    standin = StandIn(seed=seed_number)
    History(standin, seed=seed_number, orders=30, until=NOW).live()
    return [event["id"] for event in standin.events_since(0)]


def test_the_past_follows_from_its_seed() -> None:
    assert live(7) == live(7)
    assert live(7) != live(8)


def test_the_past_lies_within_fifteen_months_and_has_what_a_shop_has() -> None:
    standin = past_of(Plan(seed=1, orders=250, until=NOW), None)
    events = standin.events_since(0)
    times = [event["created"] for event in events]
    assert times == sorted(times)
    assert NOW.timestamp() - DAYS * 86_400 <= times[0]
    assert NOW.timestamp() - 3 * 86_400 <= times[-1] <= NOW.timestamp()
    # More than a year apart, the same months can be compared.
    captured = [e["created"] for e in events if e["type"] == "charge.succeeded"]
    assert captured[0] < NOW.timestamp() - 430 * 86_400
    types = {event["type"] for event in events}
    assert types >= {
        "charge.dispute.closed",
        "charge.failed",
        "checkout.session.expired",
        "customer.subscription.deleted",
        "invoice.payment_failed",
        "payout.paid",
        "price.updated",
        "refund.failed",
    }
    changed = [e for e in events if e["type"] == "customer.subscription.updated"]
    assert any("items" in e["data"]["previous_attributes"] for e in changed)
    assert any(e["data"]["previous_attributes"].get("status") == "trialing" for e in changed)


@pytest.mark.parametrize(
    ("orders", "until"),
    [
        (70, datetime(2025, 4, 1, 2, 1, tzinfo=UTC)),
        (100, datetime(2025, 8, 2, 10, 21, 34, tzinfo=UTC)),
        (100, datetime(2026, 2, 5, 17, 24, 25, tzinfo=UTC)),
        (120, datetime(2026, 2, 3, 1, 56, 43, tzinfo=UTC)),
        (120, datetime(2026, 5, 1, 10, 40, 7, tzinfo=UTC)),
        (120, datetime(2026, 8, 21, 18, 15, 44, tzinfo=UTC)),
    ],
)
def test_a_small_shop_owes_stripe_nothing_whenever_its_past_ends(
    orders: int, until: datetime
) -> None:
    """Refunds and fees can take more than few sales bring in, which is an issue."""
    standin = past_of(Plan(seed=7, orders=orders, until=until), None)
    standin.set_now(int(until.timestamp()))
    balance = standin.api("GET", "/v1/balance")
    for available, pending in zip(balance["available"], balance["pending"], strict=True):
        assert available["amount"] + pending["amount"] >= 0, available["currency"]


@pytest.mark.django_db
def test_a_broken_off_seeding_goes_on_where_it_was(tmp_path: Path) -> None:
    class BrokenOff(Exception):
        pass

    def break_off(done: int, total: int) -> None:
        if done > total // 3:
            raise BrokenOff

    state = tmp_path / "standin.json"
    with pytest.raises(BrokenOff):
        seed(state=state, orders=20, seed=3, now=NOW, progress=break_off)
    assert not is_seeded()
    before = set(Order.objects.values_list("number", flat=True))

    plan = seed(state=state, orders=999, seed=4)

    assert plan == Plan(seed=3, orders=20, until=NOW)
    assert is_seeded()
    # Nothing is lacking and nothing is there twice.
    told = {event["id"] for event in past_of(plan, None).events_since(0)}
    heard = StripeEvent.objects.filter(source__in=["webhook", "listed"])
    assert set(heard.values_list("stripe_id", flat=True)) == told
    after = Order.objects.values_list("number", flat=True)
    assert before < set(after)
    assert len(after) == len(set(after))
    assert not Issue.objects.filter(status="open", kind="integrity").exists()
    assert User.objects.count() == len(ROLES)
    call_command("seed_demo")  # a third time does nothing
    assert AuditEvent.objects.filter(action="demo.seeded").count() == 1
    assert_figures_are_what_the_rows_come_to_in_any_zone()


def assert_figures_are_what_the_rows_come_to_in_any_zone() -> None:
    """Every figure of both ledgers, for 7, 30 and 90 days and any others."""
    for zone in ("UTC", "America/Havana"):  # where clocks change at midnight
        with override_settings(REPORTING_TIME_ZONE=zone):
            snapshots.build_all(now=NOW)
            rows = Rows(zone)
            traded = set(DaySnapshot.objects.values_list("currency", flat=True))
            assert {"eur", "usd"} <= traded
            began = NOW.date() - timedelta(days=DAYS)
            for query in [*PRESETS, *ranges(zone, began, DAYS, 5)]:
                for currency in traded:
                    assert_figures_are_what_the_rows_come_to(rows, query, currency, NOW)


def stored_event(*, livemode: bool) -> None:
    StripeEvent.objects.create(
        stripe_id="evt_1",
        source="webhook",
        type="charge.succeeded",
        object_type="charge",
        object_id="ch_1",
        livemode=livemode,
        as_of=NOW,
        payload={},
        received_at=NOW,
        not_before=NOW,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("livemode", "message"), [(True, "live data of Stripe's"), (False, "isn't the demo's")]
)
def test_a_database_with_other_data_is_left_alone(livemode: bool, message: str) -> None:
    stored_event(livemode=livemode)
    with pytest.raises(CommandError, match=message):
        call_command("seed_demo", orders=10)
    assert not Order.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_production_and_live_keys_are_refused(settings: Settings) -> None:
    settings.STRIPE_API_KEY = "rk_live_something"
    with pytest.raises(NotADemo, match="live account"):
        seed(state=None, orders=10)
    settings.STRIPE_API_KEY, settings.PRODUCTION = "", True
    with pytest.raises(NotADemo, match="production"):
        seed(state=None, orders=10)
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_users_get_the_password_that_is_printed_and_keep_their_role() -> None:
    ensure_people()
    operator = User.objects.get(username="operator")
    assert not operator.check_password("")
    ensure_people("of-this-clone")
    ensure_people("of-this-clone")
    operator.refresh_from_db()
    assert operator.check_password("of-this-clone")
    assert [group.name for group in operator.groups.all()] == ["operator"]
    assert AuditEvent.objects.filter(action="user.password").count() == len(ROLES)
