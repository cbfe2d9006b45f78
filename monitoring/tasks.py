"""Jobs of monitoring."""

from __future__ import annotations

from procrastinate.contrib.django import app

from auditlog.context import acting_as, job
from monitoring.services import runs


@app.task(name="monitoring.run_checks", queueing_lock="monitoring.run_checks")
def run_checks() -> None:
    """Run all checks."""
    with acting_as(job("run_checks")):
        runs.run_checks()
