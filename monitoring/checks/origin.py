"""Checks of where events come from: one account, and one of its two modes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from monitoring.checks.vocabulary import KINDS
from monitoring.models import Kind, Severity
from monitoring.registry import (
    EVERYTHING,
    WHOLE,
    Finding,
    amount,
    check,
    label,
    moment,
    reference,
    rows,
)
from payments.client import livemode
from payments.models import StripeEvent

RECENT = timedelta(days=7)

# Which mode is wrong: the one that the key doesn't open; without a key, test data beside live data.
MIXED = f"""
WITH RECURSIVE {KINDS},
wrong AS (
    SELECT kind.livemode, kind.api_version, kind.type FROM kind
    WHERE kind.livemode <> %(right)s
        AND (%(key)s OR EXISTS (SELECT FROM kind WHERE livemode = %(right)s))
),
counted AS (
    SELECT sum(seen.events)::bigint AS events, min(seen.first) AS first, max(seen.last) AS last,
        max(seen.example) AS example
    FROM wrong CROSS JOIN LATERAL (
        SELECT count(*) AS events, min(received_at) AS first, max(received_at) AS last,
            max(id) AS example
        FROM payments_stripeevent
        WHERE livemode = wrong.livemode AND api_version = wrong.api_version
            AND type = wrong.type AND object_type <> ''
    ) AS seen
)
SELECT counted.*, event.stripe_id, captured.charges, captured.currency, captured.amount
FROM counted
JOIN payments_stripeevent AS event ON event.id = counted.example
LEFT JOIN LATERAL (
    SELECT currency, count(*) AS charges, sum(amount_captured)::bigint AS amount
    FROM payments_charge WHERE livemode <> %(right)s AND captured_at IS NOT NULL GROUP BY currency
) AS captured ON true
ORDER BY captured.currency
"""


@check(
    name="modes_mixed",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    touches=EVERYTHING,
    meaning="Events of Stripe’s test mode stand beside live ones, or of the mode that the key "
    "doesn’t open. They became orders and figures, which are wrong by as much.",
    remedy="Find where they come from: a signing secret of the other mode’s endpoint in "
    "STRIPE_WEBHOOK_SECRETS, or STRIPE_API_KEY of the other mode. Each mode needs an installation "
    "with a database of its own; restore this one from before the first of them. If it may stay as "
    "it is, accept the issue: it re-opens with the next such event.",
)
def modes_mixed(now: datetime) -> Iterator[Finding]:
    key = bool(settings.STRIPE_API_KEY)
    right = livemode() if key else True
    found = list(rows(MIXED, {"right": right, "key": key}))
    if not found:
        return
    mode = "test-mode" if right else "live"
    first, captured = found[0], [row for row in found if row["currency"]]
    one = captured[0] if len(captured) == 1 else None
    events = first["events"]
    yield Finding(
        subject_type=label(StripeEvent),
        subject_id=WHOLE,
        summary=f"{events:,} {mode} {'event' if events == 1 else 'events'} where "
        f"{'live' if right else 'test-mode'} data belongs",
        evidence={
            f"{mode} events": events,
            "first received": moment(first["first"]),
            "last received": moment(first["last"]),
            "last event": reference(StripeEvent, first["example"], first["stripe_id"]),
            "charges of theirs": sum(row["charges"] for row in captured),
            "captured by them": [amount(row["amount"], row["currency"]) for row in captured],
        },
        amount_minor=one["amount"] if one else None,
        currency=one["currency"] if one else "",
    )


# The inbox keeps events of other accounts without an object, and says in a note whose they are.
OTHER_ACCOUNTS = """
SELECT substring(note FROM 'of another account, (.*)$') AS account, count(*) AS events,
    min(received_at) AS first, max(received_at) AS last, max(id) AS example,
    (array_agg(stripe_id ORDER BY id DESC))[1] AS stripe_id
FROM payments_stripeevent
WHERE object_type = '' AND object_id = '' AND received_at > %(since)s
GROUP BY 1
ORDER BY 1
"""


@check(
    name="event_of_another_account",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="Events of another Stripe account arrived. They are kept and nothing is made of them: "
    "this installation is for one account.",
    remedy="Is that your account? Then correct STRIPE_ACCOUNT, and list the events again: "
    "`manage.py sync_stripe`. Otherwise remove the webhook endpoint of that account, or the "
    "Connect endpoint, that leads here. It resolves a week after the last one.",
)
def event_of_another_account(now: datetime) -> Iterator[Finding]:
    for row in rows(OTHER_ACCOUNTS, {"since": now - RECENT}):
        events, account = row["events"], row["account"] or "unknown"
        yield Finding(
            subject_type="stripe.account",
            subject_id=account,
            summary=f"{events:,} {'event' if events == 1 else 'events'} of the account {account} "
            "arrived here",
            evidence={
                "account": account,
                "ours": settings.STRIPE_ACCOUNT or "not set",
                "events": events,
                "first received": moment(row["first"]),
                "last received": moment(row["last"]),
                "last event": reference(StripeEvent, row["example"], row["stripe_id"]),
            },
        )
