"""The account's webhook endpoints: whether Stripe tells us what we need to hear.

They have no events, so they are listed on schedule, and what changed goes into the inbox as a read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from urllib.parse import urlsplit

import stripe
from django.urls import reverse
from django.utils import timezone

from payments import inbox
from payments.client import Json, livemode, pages, refusal
from payments.mirror.parsing import BadPayload
from payments.mirror.projection import SPECS
from payments.mirror.rules import parse
from payments.models import Source, SyncCursor, WebhookEndpoint
from payments.reading import observed

PATH = "/v1/webhook_endpoints"
CURSOR = "webhook_endpoints"  # of SyncCursor: when they were last looked at, and any refusal


# The types of event that the mirror is made from; an endpoint should send these and no others.
EVENTS = (
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "coupon.created",
    "coupon.deleted",
    "coupon.updated",
    "customer.created",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.deleted",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "invoice_payment.paid",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.updated",
    "price.created",
    "price.deleted",
    "price.updated",
    "product.created",
    "product.deleted",
    "product.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
)


def look(client: stripe.StripeClient, now: datetime | None = None) -> int:
    """List the endpoints and keep what is new about them; return how many observations that made.

    One that the list lacks was deleted: Stripe doesn't say so. A key that may not see them is no
    error; what Stripe said is kept with the cursor.
    """
    began = now or timezone.now()
    cursor, _ = SyncCursor.objects.update_or_create(
        pk=CURSOR, defaults={"started_at": began, "finished_at": None, "error": ""}
    )
    listed: dict[str, Json] = {}
    version = stripe.api_version
    try:
        for page in pages(client, PATH):
            listed |= {endpoint["id"]: endpoint for endpoint in page.objects}
            version = page.api_version
    except stripe.StripeError as error:
        cursor.error = refusal(error)
        cursor.save(update_fields=["error"])
        return 0
    known = {
        one.pk: one for one in WebhookEndpoint.objects.filter(livemode=livemode(), deleted=False)
    }
    news = [
        endpoint
        for key, endpoint in listed.items()
        if key not in known or differs(known[key], endpoint)
    ]
    news += [
        {"id": key, "object": WebhookEndpoint.OBJECT, "deleted": True}
        for key in sorted(known.keys() - listed.keys())
    ]
    stored = inbox.store(
        [observed(one, as_of=began, api_version=version) for one in news], Source.READ
    )
    cursor.finished_at = timezone.now()
    cursor.stored += stored
    cursor.save(update_fields=["finished_at", "stored"])
    return stored


def differs(endpoint: WebhookEndpoint, told: Json) -> bool:
    """Whether Stripe tells something else of the endpoint than is known."""
    try:
        fields = parse(SPECS[WebhookEndpoint.OBJECT], told)
    except BadPayload:  # it was kept when it became so, and nothing can be told from it
        return False
    return any(getattr(endpoint, name) != value for name, value in fields.items())


def leads_here(url: str) -> bool:
    """Whether the address is this application's, under whatever host it is reached."""
    return urlsplit(url).path == reverse("stripe-webhook")


def not_sent(enabled_events: Collection[str]) -> tuple[str, ...]:
    """The types of event that the mirror is made from and that aren't among these."""
    if "*" in enabled_events:
        return ()
    return tuple(name for name in EVENTS if name not in enabled_events)


def sent_by_none(endpoints: Iterable[WebhookEndpoint]) -> set[str]:
    """The types of event that the mirror is made from and that none of several endpoints sends."""
    missing = set(EVENTS)
    for endpoint in endpoints:
        missing.intersection_update(not_sent(endpoint.enabled_events))
    return missing
