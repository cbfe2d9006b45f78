"""Anomalies for ``monitoring/checks/audit_log.py``."""

from __future__ import annotations

from django.db import transaction

from auditlog import sealing
from auditlog.services import record
from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly, Found
from monitoring.tests.multiply import at_once

LOG: Found = {("auditlog.auditevent", WHOLE, None, "")}


def act(reason: str) -> None:
    with transaction.atomic():
        record("order.noted", reason=reason)


def rewrite(reason: str) -> None:
    """Behind the back of the log's triggers."""
    at_once(
        [f"UPDATE auditlog_auditevent SET reason = '{reason}' WHERE action = 'order.noted'"],
    )


def seal_and_rewrite() -> None:
    act("as it was")
    sealing.seal()
    rewrite("rewritten")


def leave_unsealed() -> None:
    act("two hours ago")
    at_once(
        [
            "UPDATE auditlog_auditevent SET at = at - interval '2 hours' WHERE id = "
            "(SELECT max(id) FROM auditlog_auditevent)"
        ]
    )


ANOMALIES = {
    "audit_log_altered": Anomaly(
        make=seal_and_rewrite,
        finds=lambda: LOG,
        mend=lambda: rewrite("as it was"),
        again=lambda: rewrite("rewritten again"),
    ),
    "audit_log_unproven": Anomaly(
        make=leave_unsealed,
        finds=lambda: LOG,
        mend=sealing.seal,
        again=leave_unsealed,
    ),
}
