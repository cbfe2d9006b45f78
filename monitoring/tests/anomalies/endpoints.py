"""Anomalies for ``monitoring/checks/endpoints.py``."""

from __future__ import annotations

from datetime import timedelta

from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.telling import DAY, endpoint, webhook_worked
from payments.models import WebhookEndpoint

OLD, NEW = "2025-09-30.clover", "2026-10-28.endive"


def change_version() -> None:
    webhook_worked(10 * DAY, api_version=OLD)
    webhook_worked(DAY, api_version=NEW)


ANOMALIES = {
    "webhook_endpoint_disabled": Anomaly(
        make=lambda: endpoint(status="disabled"),
        finds=lambda: {("payments.webhookendpoint", "we_1", None, "")},
        mend=lambda: WebhookEndpoint.objects.update(status="enabled"),
        again=lambda: WebhookEndpoint.objects.update(deleted=True),
    ),
    "webhook_events_missing": Anomaly(
        make=lambda: endpoint(enabled_events=["charge.succeeded"]),
        finds=lambda: {("payments.webhookendpoint", "we_1", None, "")},
        mend=lambda: WebhookEndpoint.objects.update(enabled_events=["*"]),
        again=lambda: WebhookEndpoint.objects.update(enabled_events=["charge.failed"]),
    ),
    "webhook_version_changed": Anomaly(
        make=change_version,
        finds=lambda: {("payments.stripeevent", WHOLE, None, "")},
        mend=lambda: webhook_worked(timedelta(hours=2), api_version=OLD),
        again=lambda: webhook_worked(timedelta(hours=1), api_version=NEW),
    ),
}
