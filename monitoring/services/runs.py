"""Running the checks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from auditlog import services as audit
from auditlog.context import current_actor
from monitoring import registry
from monitoring.models import CheckRun
from monitoring.registry import CRASHED, CRASHED_SUBJECT, Check, Finding
from monitoring.services import alerts, under_way
from monitoring.services.issues import Reconciled, reconcile, resolve_retired

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckResult:
    """What became of one check in a run; ``error`` says why it could not run."""

    check: str
    found: int
    opened: int
    reopened: int
    resolved: int
    milliseconds: int
    error: str = ""


Watch = Callable[[CheckResult], None]


class AlreadyUnderWay(RuntimeError):
    """Another run of all checks hasn't ended; the message says which."""


def run_checks(
    only: Sequence[str] | None = None,
    *,
    now: datetime | None = None,
    watch: Watch | None = None,
    alone: bool = False,
) -> CheckRun:
    """Run the checks (those named in ``only``, else all) and bring the issues up to date.

    Each check has a transaction of its own: one that raises is reported as an issue of the
    pseudo-check ``check_crashed`` and hides no other. ``watch`` is told each result as it comes;
    the run's row tells the others how far it is. New and re-opened issues are told on the channels
    for alerts by a job. Returns the finished run, whose ``crashed`` says how many could not run.

    Raises:
        UnknownCheck: a name in ``only`` that no check has.
        AlreadyUnderWay: ``alone`` was wanted, and a run of all checks goes on.
    """
    checks = registry.select(only)
    now = now or timezone.now()
    run = start(checks if only else [], now, alone=alone)
    try:
        results: list[CheckResult] = []
        for check in checks:
            result = run_check(check, run, now)
            results.append(result)
            CheckRun.objects.filter(pk=run.pk).update(results=[asdict(one) for one in results])
            if watch:
                watch(result)
        with transaction.atomic():
            reported = report_crashes(results, run, now, everything=not only)
            retired = 0 if only else resolve_retired(run, now)
            finish(run, results, reported, retired)
            alerts.prepare(run, now)
    finally:
        under_way.release(run)
    return run


def start(only: Sequence[Check], now: datetime, *, alone: bool) -> CheckRun:
    """The run's row: its issues refer to it, and one that never finishes stays visible."""
    names = [check.name for check in only]
    with transaction.atomic():
        if alone:
            under_way.lock_start()
            if other := under_way.run_of_all():
                raise AlreadyUnderWay(f"the {other} goes on")
        run = CheckRun.objects.create(started_at=now, actor_name=current_actor().name, only=names)
        audit.record("monitoring.run_started", run, after={"only": names})
        under_way.hold(run)
    return run


def run_check(check: Check, run: CheckRun, now: datetime) -> CheckResult:
    """Run one check; a failure of any kind becomes the result's ``error``."""
    began = time.perf_counter()
    done, error = Reconciled(), ""
    try:
        with transaction.atomic():
            done = reconcile(check, check.find(now), run=run, now=now)
    except Exception as exception:  # whatever a check does wrong, the others must run
        logger.exception("check %s could not run", check.name)
        error = f"{type(exception).__name__}: {exception}".strip()[:2000]
        if not connection.in_atomic_block:  # a connection that broke must not break the others
            connection.close_if_unusable_or_obsolete()
            if connection.connection is None:
                under_way.hold(run)
    milliseconds = round((time.perf_counter() - began) * 1000)
    return CheckResult(check.name, **asdict(done), milliseconds=milliseconds, error=error)


def report_crashes(
    results: Sequence[CheckResult], run: CheckRun, now: datetime, *, everything: bool
) -> Reconciled:
    """Open an issue for each check that could not run, resolve those of checks that did."""
    findings = [
        Finding(
            subject_type=CRASHED_SUBJECT,
            subject_id=result.check,
            summary=f"The check {result.check} could not run: {result.error.splitlines()[0]}",
            evidence={"error": result.error},
        )
        for result in results
        if result.error
    ]
    looked_at = None if everything else [result.check for result in results]
    return reconcile(CRASHED, findings, run=run, now=now, scope=looked_at)


def finish(
    run: CheckRun, results: Sequence[CheckResult], reported: Reconciled, retired: int
) -> None:
    """Keep what the run did, with durations and counts."""
    run.finished_at = timezone.now()
    run.results = [asdict(result) for result in results]
    run.found = sum(result.found for result in results) + reported.found
    run.opened = sum(result.opened for result in results) + reported.opened
    run.reopened = sum(result.reopened for result in results) + reported.reopened
    run.resolved = sum(result.resolved for result in results) + reported.resolved + retired
    run.crashed = sum(1 for result in results if result.error)
    run.save()
    audit.record(
        "monitoring.run",
        run,
        after={
            "found": run.found,
            "opened": run.opened,
            "reopened": run.reopened,
            "resolved": run.resolved,
            "crashed": run.crashed,
        },
    )
