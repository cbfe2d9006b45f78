"""Anomalies for ``monitoring/checks/ingestion.py``."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from config.tests.rows import build
from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import HOUR, event
from monitoring.tests.telling import told, webhook_worked
from payments import inbox
from payments.models import Customer, Source, StripeEvent
from payments.tests import stripe_events


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


def find_an_event_by_listing() -> None:
    webhook_worked()
    inbox.store([told()], Source.LISTED)


ANOMALIES = {
    "dead_events": Anomaly(
        make=lambda: event(status="dead", error="Traceback\nValueError: no currency"),
        finds=lambda: {
            ("payments.stripeevent", str(StripeEvent.objects.get().pk), None, ""),
        },
        mend=status("processed"),
        again=status("dead"),
    ),
    "stuck_events": Anomaly(
        make=lambda: event(status="received"),
        finds=lambda: {("payments.stripeevent", WHOLE, None, "")},
        mend=status("processed"),
        again=status("failed"),
    ),
    "events_undelivered": Anomaly(
        make=find_an_event_by_listing,
        finds=lambda: {("payments.stripeevent", WHOLE, None, "")},
        mend=lambda: inbox.receive(stripe_events.body(told())),
        again=lambda: StripeEvent.objects.update(delivered_at=None),
    ),
    "object_ambiguous": Anomaly(
        make=lambda: build(Customer, id="cus_1", ambiguous=True, as_of=timezone.now() - 2 * HOUR),
        finds=lambda: {("payments.customer", "cus_1", None, "")},
        mend=lambda: Customer.objects.update(ambiguous=False),
        again=lambda: Customer.objects.update(ambiguous=True),
    ),
}
