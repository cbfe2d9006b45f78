"""What runs when. Each tick runs once, however many workers there are.

A tick has the queueing lock of the job that is queued on demand: none is added while one waits.
"""

from __future__ import annotations

from django.conf import settings
from procrastinate.contrib.django import app

import analyticsapp.tasks
import monitoring.tasks
import payments.tasks
import release.backup.jobs
from auditlog import sealing, verification
from auditlog.context import acting_as, job
from config.worker import requeue_stalled
from governance import retention
from orders.services import waiting
from payments import sync

EACH_MINUTE = "* * * * *"


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.process_events", queueing_lock=payments.tasks.QUEUE_LOCK)
def process_events(timestamp: int) -> None:
    """Events whose time to be tried again has come, or whose wake-up call got lost."""
    payments.tasks.process_events()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.drain_reads", queueing_lock="drain_reads")
def drain_reads(timestamp: int) -> None:
    """What is to be read through the API."""
    payments.tasks.drain_reads()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.send_refunds", queueing_lock=payments.tasks.REFUNDS_LOCK)
def send_refunds(timestamp: int) -> None:
    """Refunds that Stripe hasn't been asked for yet, or hasn't answered."""
    payments.tasks.send_refunds()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.settle_waiting", queueing_lock="settle_waiting")
def settle_waiting(timestamp: int) -> None:
    """Orders of payments that have waited long enough for a Checkout session."""
    waiting.settle_waiting()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.refresh_snapshots", queueing_lock="refresh_snapshots")
def refresh_snapshots(timestamp: int) -> None:
    """The figures of days that changed."""
    analyticsapp.tasks.refresh_snapshots()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.seal_audit", queueing_lock="seal_audit")
def seal_audit(timestamp: int) -> None:
    """Seals over what came to the audit log."""
    sealing.seal()


@app.periodic(cron="41 3 * * *")
@app.task(name="schedule.verify_audit", queueing_lock="verify_audit")
def verify_audit(timestamp: int) -> None:
    """The whole audit log; the checks of each hour verify only what came since."""
    with acting_as(job("verify_audit")):
        verification.verify_and_record()


@app.periodic(cron="*/15 * * * *")
@app.task(name="schedule.sync_stripe", queueing_lock="sync_stripe")
def sync_stripe(timestamp: int) -> None:
    """Events that never arrived, and what has no events; nothing without a key."""
    if settings.STRIPE_API_KEY:
        sync.catch_up()


@app.periodic(cron="7 * * * *")
@app.task(name="schedule.run_checks", queueing_lock=monitoring.tasks.CHECKS_LOCK)
def run_checks(timestamp: int) -> None:
    """All checks; issues open, resolve and re-open."""
    monitoring.tasks.run_checks()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.send_alerts", queueing_lock=monitoring.tasks.ALERTS_LOCK)
def send_alerts(timestamp: int) -> None:
    """Messages about issues that a channel didn't take at once."""
    monitoring.tasks.send_alerts()


@app.periodic(cron="41 2 * * *")
@app.task(name="schedule.backup", queueing_lock="backup")
def backup(timestamp: int) -> None:
    """A backup a day; nothing without a folder for it."""
    if settings.BACKUP_DIR:
        release.backup.jobs.backup()


@app.periodic(cron="41 4 * * 0")
@app.task(name="schedule.restore_drill", queueing_lock="restore_drill")
def restore_drill(timestamp: int) -> None:
    """Once a week, proof that the newest backup can be restored."""
    if settings.BACKUP_DIR:
        release.backup.jobs.restore_drill()


@app.periodic(cron="11 3 * * *")
@app.task(name="schedule.purge_expired", queueing_lock="purge_expired")
def purge_expired(timestamp: int) -> None:
    """What is past its time; see docs/data_governance.md."""
    with acting_as(job("purge_expired")):
        retention.purge_expired()


@app.periodic(cron="23 3 * * *")
@app.task(name="schedule.forget_runs", queueing_lock="forget_runs")
def forget_runs(timestamp: int) -> None:
    """Old runs of the checks that changed nothing."""
    monitoring.tasks.forget_runs()


@app.periodic(cron=EACH_MINUTE)
@app.task(name="schedule.requeue_stalled_jobs", queueing_lock="requeue_stalled_jobs")
async def requeue_stalled_jobs(timestamp: int) -> None:
    """Jobs that a worker which died was in the middle of."""
    await requeue_stalled(app)
