"""Anomalies for ``monitoring/checks/ingestion.py``."""

from __future__ import annotations

from collections.abc import Callable

from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import event
from payments.models import StripeEvent


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


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
}
