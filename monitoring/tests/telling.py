"""What Stripe tells, as the tests of the checks of ingestion have it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.tests.rows import build
from monitoring.tests.multiply import at_once
from payments import inbox
from payments.models import Source, StripeEvent, WebhookEndpoint
from payments.tests import stripe_events

DAY = timedelta(days=1)
ADDRESS = "https://countinghouse.example/stripe/webhook/"


def told(key: str = "1", type_: str = "customer.created", **envelope: Any) -> dict[str, Any]:
    """An event of two hours ago about a customer."""
    two_hours_ago = int((timezone.now() - timedelta(hours=2)).timestamp())
    customer = stripe_events.customer(f"cus_{key}")
    return stripe_events.event(
        type_, customer, **{"id": f"evt_{key}", "created": two_hours_ago, **envelope}
    )


def tell(*events: dict[str, Any]) -> None:
    """Stripe delivers these events."""
    inbox.store(events, Source.WEBHOOK)


def webhook_worked(ago: timedelta = DAY, **values: Any) -> StripeEvent:
    """An event that was delivered, a day ago."""
    at = timezone.now() - ago
    return build(
        StripeEvent,
        **{
            "source": "webhook",
            "type": "customer.created",
            "object_type": "customer",
            "object_id": "cus_old",
            "status": "processed",
            "as_of": at,
            "received_at": at,
            **values,
        },
    )


def endpoint(key: str = "1", **values: Any) -> WebhookEndpoint:
    """An endpoint of a month ago that sends everything here."""
    at = timezone.now() - 30 * DAY
    return build(
        WebhookEndpoint,
        **{
            "id": f"we_{key}",
            "url": ADDRESS,
            "status": "enabled",
            "enabled_events": ["*"],
            "sends_version": "",
            "livemode": False,
            "created": at,
            "as_of": at,
            **values,
        },
    )


def forget_events() -> None:
    """Empty the inbox, which only who owns the database can."""
    at_once(["DELETE FROM payments_stripeevent"])
