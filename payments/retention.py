"""How long payloads stay as they came.

After ``EVENT_PAYLOAD_DAYS`` a payload is reduced to what the mirror reads of it, so that addresses,
card details and whatever else Stripe sends along are gone, and replays, checks and the histories of
subscriptions find all that they need. What hasn't been processed, or couldn't be, stays whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from auditlog.services import record
from payments.forgetting import load_rows, reduce_rows
from payments.models import StripeEvent

BATCH = 500
SETTLED = (StripeEvent.Status.PROCESSED, StripeEvent.Status.IGNORED)


def expired(now: datetime) -> QuerySet[StripeEvent]:
    """The events whose payloads have stayed as they came for long enough."""
    return StripeEvent.objects.filter(
        received_at__lt=now - timedelta(days=settings.EVENT_PAYLOAD_DAYS),
        reduced_for=StripeEvent.Reduced.NOT,
        status__in=SETTLED,
    )


def reduce_old_payloads(
    now: datetime | None = None, progress: Callable[[int], None] | None = None
) -> int:
    """Reduce the payloads whose time is over, 500 in a transaction; return how many. Audited, with
    a row a batch: what was done before a break stays done and told."""
    now = now or timezone.now()
    events = expired(now).order_by("pk")
    done, last = 0, 0
    while True:
        keys = list(events.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH])
        if not keys:
            return done
        with transaction.atomic():
            rows = load_rows(
                keys, only="AND reduced_for = '' AND status IN ('processed', 'ignored')"
            )
            count = reduce_rows(rows, StripeEvent.Reduced.RETENTION)
            record(
                "event.reduced",
                reason=f"older than {settings.EVENT_PAYLOAD_DAYS} days",
                after={"count": count},
            )
        done, last = done + count, keys[-1]
        if progress:
            progress(done)
