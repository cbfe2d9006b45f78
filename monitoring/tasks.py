"""Jobs of monitoring."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from auditlog.context import Actor, acting_as, caused_by, job
from payments.tasks import defer_once

logger = logging.getLogger(__name__)

CHECKS_LOCK = "monitoring.run_checks"
ALERTS_LOCK = "monitoring.send_alerts"


@app.task(name="monitoring.run_checks", queueing_lock=CHECKS_LOCK)
def run_checks(asked_by: int | None = None, request_id: str = "") -> None:
    """Run all checks, unless a run of them is under way; ``asked_by`` is the person who pressed
    the button, and who acts then, and ``request_id`` the press itself."""
    from monitoring.services import runs

    with acting_as(person(asked_by, request_id) or job("run_checks", request_id)):
        try:
            runs.run_checks(alone=True)
        except runs.AlreadyUnderWay as reason:
            logger.info("No run of the checks was started: %s", reason)


def person(pk: int | None, request_id: str) -> Actor | None:
    from django.contrib.auth.models import User

    user = User.objects.filter(pk=pk).first() if pk else None
    if user is None:
        return None
    return Actor(name=user.get_username(), user=user, request_id=request_id or caused_by())


@app.task(name="monitoring.send_alerts", queueing_lock=ALERTS_LOCK)
def send_alerts(request_id: str = "") -> None:
    """Send the messages about issues that are due."""
    from monitoring.services import alerts

    with acting_as(job("send_alerts", request_id)):
        alerts.send_due()


def forget_runs() -> None:
    """Delete old runs that changed nothing; the schedule's alone."""
    from monitoring.services import retention

    with acting_as(job("forget_runs")):
        retention.forget_runs()


def wake_alerts() -> None:
    """Have the messages about issues sent now. Called after commit."""
    defer_once(send_alerts, ALERTS_LOCK)
