"""The regular run finds what never arrived, looks back far enough, and says what it can't."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from payments import sync
from payments.models import (
    BalanceTransaction,
    PaymentIntent,
    SyncCursor,
)
from standin import StandIn

pytestmark = pytest.mark.django_db


def test_catching_up_finds_events_that_never_arrived_and_transactions(standin: StandIn) -> None:
    standin.webhook_mode(drop=True)
    intent = standin.create_payment(1000)
    standin.add_fee(500)
    sync.catch_up()
    assert PaymentIntent.objects.get(id=intent["id"]).status == "succeeded"
    assert BalanceTransaction.objects.filter(reporting_category="fee").get().net == -500


def test_catching_up_looks_back_to_the_last_time_that_ended(standin: StandIn) -> None:
    now = timezone.now()
    SyncCursor.objects.create(
        resource="events:recent",
        since=now - timedelta(days=2),
        started_at=now - timedelta(hours=5),
        finished_at=now - timedelta(hours=5),
    )
    SyncCursor.objects.create(
        resource="balance_transactions:recent",
        since=now - timedelta(days=9),
        started_at=now - timedelta(hours=5),
        error="refused",
    )
    sync.catch_up(now)
    events, transactions = SyncCursor.objects.filter(resource__endswith=":recent").order_by(
        "-resource"
    )
    assert events.since == now - timedelta(hours=6)
    assert transactions.since == now - timedelta(days=9)
    assert {events.error, transactions.error} == {""}


def test_catching_up_never_looks_back_further_than_events_can_be_listed(standin: StandIn) -> None:
    now = timezone.now()
    SyncCursor.objects.create(
        resource="events:recent", since=now - timedelta(days=70), started_at=now
    )
    sync.catch_up(now)
    assert SyncCursor.objects.get(pk="events:recent").since == now - timedelta(days=30)


def test_catching_up_is_audited_only_if_it_found_something(standin: StandIn) -> None:
    sync.catch_up()
    assert not AuditEvent.objects.exists()
    standin.create_payment(1000)
    sync.catch_up()
    assert AuditEvent.objects.get().actor_name == "job:sync_stripe"


def test_catching_up_says_what_is_refused(
    standin: StandIn, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STRIPE_API_KEY = standin.add_key("rk_test_narrow", {"event": "read"})
    sync.catch_up()
    assert "balance_transactions can't be read" in caplog.text
    refused = AuditEvent.objects.get().after["refused"]
    assert refused.keys() == {"balance", "balance_transactions"}
    assert "rak_balance_read" in refused["balance"]
