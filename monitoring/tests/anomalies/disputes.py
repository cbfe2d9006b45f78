"""Anomalies for ``monitoring/checks/disputes.py``."""

from __future__ import annotations

from collections.abc import Callable

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import dispute
from payments.models import Dispute, StripeEvent


def dispute_status(word: str) -> Callable[[], object]:
    return lambda: Dispute.objects.update(status=word)


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


ANOMALIES = {
    "dispute_needs_answer": Anomaly(
        make=dispute,
        finds=lambda: {("payments.dispute", "dp_1", 5_000, "eur")},
        mend=dispute_status("under_review"),
        again=dispute_status("appeal_needs_response"),
    ),
}
