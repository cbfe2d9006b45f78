"""Checks of the webhook endpoints: whether Stripe tells us what we need to hear, and how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from monitoring.models import Kind, Severity
from monitoring.registry import EVERYTHING, WHOLE, Finding, check, label, moment, reference, rows
from payments.client import livemode
from payments.endpoints import leads_here, sent_by_none
from payments.models import StripeEvent, WebhookEndpoint

CHANGED_WITHIN = timedelta(days=7)


def ours() -> list[WebhookEndpoint]:
    """Every endpoint that leads, or led, here, in the key's mode; the oldest first."""
    endpoints = WebhookEndpoint.objects.order_by("created", "pk")
    if settings.STRIPE_API_KEY:
        endpoints = endpoints.filter(livemode=livemode())
    return [one for one in endpoints if leads_here(one.url)]


def enabled(endpoint: WebhookEndpoint) -> bool:
    return endpoint.status == "enabled" and not endpoint.deleted


def state(endpoint: WebhookEndpoint) -> str:
    return "deleted" if endpoint.deleted else endpoint.status


@check(
    name="webhook_endpoint_disabled",
    kind=Kind.ATTENTION,
    severity=Severity.CRITICAL,
    touches=EVERYTHING,
    meaning="The webhook endpoint that leads here was disabled or deleted, so Stripe delivers no "
    "events. Stripe disables one itself after failed deliveries over several days. Until it is "
    "mended, events are only found by listing them, every quarter of an hour.",
    remedy="Enable it in Stripe’s dashboard (Developers, Webhooks), or make a new one for this "
    "address. `manage.py check_stripe` says whether it suits. Of one that is not needed any more, "
    "delete what is left of it at Stripe.",
    remedies=("read_again",),
)
def webhook_endpoint_disabled(now: datetime) -> Iterator[Finding]:
    """Of several, one that is disabled is only untidy. One that was deleted is missed only where
    none is left."""
    endpoints = ours()
    served = [one for one in endpoints if enabled(one)]
    lost = [one for one in endpoints if not enabled(one) and not (served and one.deleted)]
    if not served:  # of those that were deleted, the last one was in use
        lost = [one for one in lost if not one.deleted] or lost[-1:]
    for endpoint in lost:
        yield Finding(
            subject_type=label(WebhookEndpoint),
            subject_id=endpoint.pk,
            summary=f"The webhook endpoint {endpoint.url} is {state(endpoint)}",
            evidence={
                "address": endpoint.url,
                "status": state(endpoint),
                "since at the latest": moment(endpoint.as_of),
                "other endpoints that are enabled": [
                    reference(WebhookEndpoint, one.pk, one.url) for one in served
                ],
            },
            severity=Severity.LOW if served else None,
        )


@check(
    name="webhook_events_missing",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=EVERYTHING,
    meaning="The webhook endpoint is not subscribed to every type of event that orders and figures "
    "are made from. What those tell is only found by listing events, every quarter of an hour.",
    remedy="Add the types below to the endpoint in Stripe’s dashboard (Developers, Webhooks).",
    remedies=("read_again",),
)
def webhook_events_missing(now: datetime) -> Iterator[Finding]:
    endpoints = [one for one in ours() if enabled(one)]
    if not endpoints:
        return
    missing = sent_by_none(endpoints)
    if missing:
        yield Finding(
            subject_type=label(WebhookEndpoint),
            subject_id=endpoints[-1].pk,
            summary=f"Stripe isn’t asked to send {len(missing)} "
            f"{'type' if len(missing) == 1 else 'types'} of event",
            evidence={
                "not sent": sorted(missing),
                "endpoints": [reference(WebhookEndpoint, one.pk, one.url) for one in endpoints],
            },
        )


# Deliveries come in the version of their endpoint, or in the account's default: both may change.
# The last one now, and the last one a week ago (or the first since then).
VERSIONS = """
SELECT earlier.api_version AS version_before, earlier.id AS id_before,
    earlier.stripe_id AS event_before, earlier.received_at AS received_before,
    latest.api_version, latest.id, latest.stripe_id, latest.received_at
FROM (
    SELECT * FROM payments_stripeevent WHERE source = 'webhook' AND object_type <> ''
    ORDER BY received_at DESC LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    (
        SELECT * FROM payments_stripeevent
        WHERE source = 'webhook' AND object_type <> '' AND received_at < %(since)s
        ORDER BY received_at DESC LIMIT 1
    )
    UNION ALL
    (
        SELECT * FROM payments_stripeevent
        WHERE source = 'webhook' AND object_type <> '' AND received_at >= %(since)s
        ORDER BY received_at LIMIT 1
    )
    ORDER BY received_at LIMIT 1
) AS earlier
WHERE earlier.api_version <> latest.api_version
"""


@check(
    name="webhook_version_changed",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=EVERYTHING,
    meaning="Within a week Stripe has begun to deliver events in another API version: the endpoint "
    "was made anew, or the account’s default version was changed. Objects may have another shape.",
    remedy="If nobody meant to, find out who changed it. See that no events fail, and give the "
    "endpoint a version of its own, so that the account’s default doesn’t matter. It resolves a "
    "week after the change.",
)
def webhook_version_changed(now: datetime) -> Iterator[Finding]:
    for row in rows(VERSIONS, {"since": now - CHANGED_WITHIN}):
        yield Finding(
            subject_type=label(StripeEvent),
            subject_id=WHOLE,
            summary=f"Events come in {row['api_version'] or 'no version'}; "
            f"before, they came in {row['version_before'] or 'no version'}",
            evidence={
                "version before": row["version_before"],
                "then received": moment(row["received_before"]),
                "event then": reference(StripeEvent, row["id_before"], row["event_before"]),
                "version now": row["api_version"],
                "last received": moment(row["received_at"]),
                "event now": reference(StripeEvent, row["id"], row["stripe_id"]),
                "endpoints": [
                    f"{one.url}: {one.sends_version or 'the account’s default version'}"
                    for one in ours()
                    if enabled(one)
                ],
            },
        )
