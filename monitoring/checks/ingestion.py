"""Checks of the inbox: what Stripe told us must become state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.apps import apps

from monitoring.models import Kind, Severity
from monitoring.registry import EVERYTHING, WHOLE, Finding, check, label, moment, reference, rows
from payments.endpoints import EVENTS, leads_here, sent_by_none
from payments.models import MirrorObject, StripeEvent, WebhookEndpoint

STUCK_AFTER = timedelta(minutes=15)
DELIVERED_WITHIN = timedelta(hours=1)
# Stripe tries for so long to deliver an event (https://docs.stripe.com/webhooks#retries).
DELIVERY_TRIED_FOR = timedelta(days=3)
# Longer than events can be listed.
MONTH = timedelta(days=31)
READ_AGAIN_WITHIN = timedelta(hours=1)
SHOWN = 10

DEAD = """
SELECT id, stripe_id, type, object_id, attempts, error, received_at
FROM payments_stripeevent WHERE status = 'dead' ORDER BY id
"""


@check(
    name="dead_events",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=EVERYTHING,
    meaning="An event from Stripe could not be processed and is no longer tried. What it says is "
    "missing from orders and figures.",
    remedy="Read its error. Once the cause is mended, retry it from its page, or all of them with "
    "`manage.py replay_events --dead`.",
    remedies=("replay_event",),
)
def dead_events(now: datetime) -> Iterator[Finding]:
    for row in rows(DEAD, {}):
        error = row["error"].strip().splitlines()
        yield Finding(
            subject_type=label(StripeEvent),
            subject_id=str(row["id"]),
            summary=f"{row['type']} of {row['object_id']} is dead after {row['attempts']} attempts",
            evidence={
                "event": row["stripe_id"],
                "type": row["type"],
                "object": row["object_id"],
                "attempts": row["attempts"],
                "received": moment(row["received_at"]),
                "error": error[-1] if error else "",
            },
        )


# Open events have a partial index of their own.
STUCK = """
SELECT
    count(*) AS waiting,
    count(*) FILTER (WHERE status = 'failed') AS failing,
    min(received_at) AS oldest,
    (array_agg(stripe_id ORDER BY id))[1] AS example,
    (array_agg(error ORDER BY id) FILTER (WHERE error <> ''))[1] AS error
FROM payments_stripeevent
WHERE status IN ('received', 'failed') AND received_at < %(before)s
HAVING count(*) > 0
"""


@check(
    name="stuck_events",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    touches=EVERYTHING,
    meaning="Events from Stripe have been waiting for more than 15 minutes. Orders and figures are "
    "behind by as much.",
    remedy="See that a worker runs (`manage.py worker`), then drain the inbox with "
    "`manage.py process_events`. If they fail, read the error of one of them.",
    remedies=("process_waiting",),
)
def stuck_events(now: datetime) -> Iterator[Finding]:
    """One finding about the inbox as a whole: a worker that stands still is one problem."""
    for row in rows(STUCK, {"before": now - STUCK_AFTER}):
        one = row["waiting"] == 1
        yield Finding(
            subject_type=label(StripeEvent),
            subject_id=WHOLE,
            summary=f"{row['waiting']:,} {'event waits' if one else 'events wait'} since "
            f"{row['oldest']:%Y-%m-%d %H:%M} UTC",
            evidence={
                "waiting": row["waiting"],
                "of them failing": row["failing"],
                "oldest received": moment(row["oldest"]),
                "oldest event": row["example"],
                "first error": (row["error"] or "").strip()[:500],
            },
        )


# What was made before any endpoint was there could not be delivered. A month is enough to look
# for the first delivery: of what is older, nothing is listed any more.
UNDELIVERED = """
WITH began AS (
    SELECT least(
        (
            SELECT received_at FROM payments_stripeevent
            WHERE received_at > %(month)s AND source = 'webhook' ORDER BY received_at LIMIT 1
        ),
        (SELECT min(created) FROM payments_webhookendpoint WHERE id = ANY(%(endpoints)s))
    ) AS at
)
SELECT event.type, count(*) AS lacked, min(event.as_of) AS oldest, max(event.as_of) AS newest,
    max(event.id) AS example, (array_agg(event.stripe_id ORDER BY event.id DESC))[1] AS stripe_id
FROM payments_stripeevent AS event JOIN began ON event.as_of >= began.at
WHERE event.source = 'listed' AND event.delivered_at IS NULL AND event.received_at > %(since)s
    AND event.as_of < %(before)s AND event.type = ANY(%(types)s) AND event.object_type <> ''
GROUP BY event.type
ORDER BY lacked DESC, event.type
"""


@check(
    name="events_undelivered",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=EVERYTHING,
    meaning="Stripe lists events that it has not delivered here within an hour. They were fetched, "
    "so nothing is missing, but until the webhook works orders and figures are late.",
    remedy="Look at the endpoint’s failed deliveries in Stripe’s dashboard (Developers, Webhooks): "
    "is the address right, the site up, the signing secret in STRIPE_WEBHOOK_SECRETS? "
    "`manage.py check_stripe` looks, too. It resolves once Stripe has delivered them, or three "
    "days after the last one.",
)
def events_undelivered(now: datetime) -> Iterator[Finding]:
    """One finding about the inbox as a whole: a webhook that doesn't work is one problem."""
    ours = [one for one in WebhookEndpoint.objects.filter(deleted=False) if leads_here(one.url)]
    types = set(EVENTS)
    if ours:  # what none of them sends is another problem
        types -= sent_by_none(ours)
    lacking = list(
        rows(
            UNDELIVERED,
            {
                "month": now - MONTH,
                "since": now - DELIVERY_TRIED_FOR,
                "before": now - DELIVERED_WITHIN,
                "types": sorted(types),
                "endpoints": [one.pk for one in ours],
            },
        )
    )
    if not lacking:
        return
    lacked = sum(row["lacked"] for row in lacking)
    newest = max(lacking, key=lambda row: row["newest"])
    oldest = min(row["oldest"] for row in lacking)
    yield Finding(
        subject_type=label(StripeEvent),
        subject_id=WHOLE,
        summary=f"{lacked:,} {'event was' if lacked == 1 else 'events were'} not delivered by "
        f"Stripe, the oldest of {oldest:%Y-%m-%d %H:%M} UTC",
        evidence={
            "not delivered": lacked,
            "oldest": moment(oldest),
            "newest": moment(newest["newest"]),
            "newest event": reference(StripeEvent, newest["example"], newest["stripe_id"]),
            **{row["type"]: row["lacked"] for row in lacking[:SHOWN]},
        },
    )


# Every kind of object has an index over the few that are ambiguous.
AMBIGUOUS = """
SELECT guess.*, seen.observations, wish.created_at AS asked_at, wish.error
FROM ({objects}) AS guess
CROSS JOIN LATERAL (
    SELECT count(*) AS observations, max(received_at) AS newest FROM payments_stripeevent
    WHERE object_type = guess.object AND object_id = guess.id
) AS seen
LEFT JOIN payments_readrequest AS wish ON wish.kind = guess.object AND wish.key = guess.id
WHERE coalesce(seen.newest, guess.as_of) < %(before)s
ORDER BY guess.object, guess.id
"""


@check(
    name="object_ambiguous",
    kind=Kind.INTEGRITY,
    severity=Severity.MEDIUM,
    touches=EVERYTHING,
    meaning="Two observations of one second say different things of an object, and nothing tells "
    "which came last. One was taken by a rule, which may be the wrong one, and reading the object "
    "again has not settled it within an hour.",
    remedy="Read the object again from Stripe. If that fails, the error below says why: the key "
    "may lack a permission (`manage.py check_stripe`), or the object is gone from Stripe.",
    remedies=("read_again",),
)
def object_ambiguous(now: datetime) -> Iterator[Finding]:
    models = {
        model.OBJECT: model
        for model in apps.get_app_config("payments").get_models()
        if issubclass(model, MirrorObject)
    }
    objects = " UNION ALL ".join(
        f"SELECT '{name}' AS object, id, as_of FROM {model._meta.db_table} WHERE ambiguous"
        for name, model in models.items()
    )
    for row in rows(AMBIGUOUS.format(objects=objects), {"before": now - READ_AGAIN_WITHIN}):
        model = models[row["object"]]
        yield Finding(
            subject_type=label(model),
            subject_id=row["id"],
            summary=f"What the {model._meta.verbose_name} {row['id']} is since "
            f"{row['as_of']:%Y-%m-%d %H:%M:%S} UTC is a guess",
            evidence={
                "as of": moment(row["as_of"]),
                "observations": row["observations"],
                "to be read since": moment(row["asked_at"]),
                "error of the last try": row["error"] or "",
            },
        )
