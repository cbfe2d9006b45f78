"""What is past its time goes, a dry run says how much, and the audit log stays whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from auditlog import sealing, verification
from auditlog.models import AuditEvent
from auditlog.tests.tampering import act
from config.tests.rows import build_job
from governance import retention
from governance.retention import purge_expired
from payments import inbox
from payments.models import Source, StripeEvent
from payments.processing import drain
from payments.tests import stripe_events as make

pytestmark = pytest.mark.django_db
LATER = timedelta(days=365 * 11)


def expire_some() -> None:
    """Of each kind something that will be old, and something that mustn't go."""
    inbox.store([make.event("charge.succeeded", make.charge())], Source.WEBHOOK)
    inbox.store([make.event("charge.updated", make.charge(amount="what?"))], Source.WEBHOOK)
    drain()
    build_job()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [build_job()]
        )
    SessionStore().create()
    AccessAttempt.objects.create(
        username="ann", ip_address="192.0.2.1", attempt_time=timezone.now(), failures_since_start=1
    )
    act(2)
    sealing.seal(patience=0)


def counts(**options: bool) -> dict[str, int]:
    return {
        one.name: one.count
        for one in purge_expired(now=timezone.now() + LATER, dry_run=options.get("dry_run", False))
    }


def test_nothing_is_due_before_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    expire_some()
    rows = AuditEvent.objects.count()
    call_command("purge_expired", dry_run=True)
    call_command("purge_expired")
    assert AuditEvent.objects.count() == rows
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == ["0"] * 10


def test_what_is_past_its_time_goes_as_the_dry_run_said_and_the_log_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    expire_some()
    before = AuditEvent.objects.count()
    due = counts(dry_run=True)
    assert due == {
        "payloads of events": 1,
        "jobs that ended": 1,
        "sessions that expired": 1,
        "failed attempts to sign in": 1,
        "rows of the audit log": before,
    }
    assert AuditEvent.objects.count() == before
    # What it tells of itself is in the log by then.
    assert counts() == {**due, "rows of the audit log": before + 4}

    whole, less = StripeEvent.objects.order_by("reduced_for")
    assert (whole.status, whole.reduced_for) == ("failed", "")
    assert (less.status, less.reduced_for) == ("processed", "retention")
    assert not Session.objects.exists()
    assert not AccessAttempt.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs")
        assert cursor.fetchall() == [("todo",)]
    acts = AuditEvent.objects.filter(action__in=["data.purged", "event.reduced"])
    assert sum(sum(one.after.values()) for one in acts) == 4
    assert AuditEvent.objects.count() == before + acts.count()
    sealing.seal(patience=0)
    assert verification.verify().faults == []
    again = counts()
    assert {name for name, count in again.items() if count} == {"rows of the audit log"}
