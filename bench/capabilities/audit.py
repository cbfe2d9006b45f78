"""The proof that the audit log is whole."""

from __future__ import annotations

from auditlog.models import AuditEvent
from bench.registry import Figure, Measured, capability
from bench.timing import alternating, command, statement

RUNS = 2
HASHED = (
    "SELECT count(sha256(convert_to(event::text, 'UTF8'))) FROM auditlog_auditevent AS event",
)


@capability("verify_audit", "Every row and seal of the audit log, once", "≤ 20 s for a million")
def verify() -> Measured:
    runs = []

    def ours() -> None:
        runs.append(command("verify_audit"))

    times, limits = alternating(ours, statement(*HASHED), RUNS)
    return Measured(
        unit="s",
        ours=Figure.of(times),
        limit=Figure.of(limits),
        limit_is="SHA-256 of each row’s text, by one statement",
        met=Figure.of(times).median <= 20,
        detail={
            "rows": AuditEvent.objects.count(),
            "peak MB": max(run.peak_mb for run in runs),
        },
    )
