"""The webhook endpoints are looked at on schedule, and what changed about them is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import endpoints, processing, sync
from payments.client import stripe_client
from payments.models import StripeEvent, SyncCursor, WebhookEndpoint
from standin import StandIn

pytestmark = pytest.mark.django_db

ADDRESS = "http://127.0.0.1:8000/stripe/webhook/"


def look(minutes: int) -> int:
    """Look so many minutes from now: a second has one reading."""
    kept = endpoints.look(stripe_client(), timezone.now() + timedelta(minutes=minutes))
    processing.drain()
    return kept


def known() -> dict[str, tuple[str, bool, str]]:
    return {
        one.pk: (one.status, one.deleted, one.sends_version)
        for one in WebhookEndpoint.objects.all()
    }


def test_what_changes_about_an_endpoint_is_kept_and_nothing_else(standin: StandIn) -> None:
    made = standin.add_webhook(ADDRESS, "whsec_1", enabled_events=["charge.failed"])
    assert look(0) == 1
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.pk, endpoint.url) == (made["id"], ADDRESS)
    assert endpoint.enabled_events == ["charge.failed"]
    assert known() == {made["id"]: ("enabled", False, "")}
    assert look(1) == 0

    standin.set_webhook(made["id"], disabled=True, api_version="2025-09-30.clover")
    assert look(2) == 1
    assert known() == {made["id"]: ("disabled", False, "2025-09-30.clover")}
    assert SyncCursor.objects.get(pk="webhook_endpoints").stored == 2


def test_an_endpoint_that_is_gone_from_the_list_is_deleted(standin: StandIn) -> None:
    first = standin.add_webhook(ADDRESS, "whsec_1")
    look(0)
    standin.api("DELETE", f"/v1/webhook_endpoints/{first['id']}")
    second = standin.add_webhook(ADDRESS, "whsec_2")
    assert look(1) == 2
    assert known() == {first["id"]: ("enabled", True, ""), second["id"]: ("enabled", False, "")}
    assert look(2) == 0


def test_the_regular_run_looks_and_makes_a_row_of_each(standin: StandIn) -> None:
    made = standin.add_webhook(ADDRESS, "whsec_1")
    synced = sync.catch_up()
    assert [one.stored for one in synced.resources if one.resource == "webhook_endpoints"] == [1]
    assert known() == {made["id"]: ("enabled", False, "")}
    event = StripeEvent.objects.get(object_type="webhook_endpoint")
    assert (event.type, event.source) == ("read.webhook_endpoint", "read")


def test_a_key_that_may_not_see_endpoints_is_no_error(standin: StandIn, settings: Settings) -> None:
    standin.add_webhook(ADDRESS, "whsec_1")
    settings.STRIPE_API_KEY = standin.add_key("rk_test_x", {"*": "read", "webhook": "none"})
    assert not sync.catch_up().refused
    cursor = SyncCursor.objects.get(pk="webhook_endpoints")
    assert cursor.finished_at is None
    assert "rak_webhook_read" in cursor.error
    assert known() == {}
