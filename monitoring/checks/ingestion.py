"""Checks of the inbox: what Stripe told us must become state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import WHOLE, Finding, check, label, moment, rows
from payments.models import StripeEvent

STUCK_AFTER = timedelta(minutes=15)

DEAD = """
SELECT id, stripe_id, type, object_id, attempts, error, received_at
FROM payments_stripeevent WHERE status = 'dead' ORDER BY id
"""


@check(
    name="dead_events",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
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
