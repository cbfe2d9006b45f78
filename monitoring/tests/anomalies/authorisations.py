"""Anomalies for ``monitoring/checks/authorisations.py``."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import authorisation
from payments.models import PaymentIntent


def hold_until_tomorrow() -> None:
    authorisation(created=timezone.now() - timedelta(days=6))


ANOMALIES = {
    "authorisation_expiring": Anomaly(
        make=hold_until_tomorrow,
        finds=lambda: {("payments.paymentintent", "pi_1", 5_000, "eur")},
        mend=lambda: PaymentIntent.objects.update(status="canceled"),
        again=lambda: PaymentIntent.objects.update(status="requires_capture"),
    ),
}
