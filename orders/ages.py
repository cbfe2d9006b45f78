"""How long paid orders have waited to be fulfilled."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from payments.spans import Span

DAY = timedelta(days=1)
# Each order that waits is in one of them.
AGES = (
    Span("0-1", "under 1 day", since=-DAY),
    Span("1-3", "1 to 3 days", since=-3 * DAY, until=-DAY),
    Span("3-7", "3 to 7 days", since=-7 * DAY, until=-3 * DAY),
    Span("7", "over 7 days", until=-7 * DAY),
)


def past_service_level() -> Span | None:
    """Longer than customers are promised (``FULFIL_WITHIN_HOURS``); None where nothing is."""
    hours = settings.FULFIL_WITHIN_HOURS
    if not hours:
        return None
    return Span("late", f"over the promised {hours} hours", until=-timedelta(hours=hours))
