"""How long runs of the checks are kept.

Each run is kept for 90 days, whatever it found: a bounded number, since they come by the hour.
After that only those stay that an issue's history names: they say when something opened or
resolved.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from auditlog import services as audit
from monitoring.models import AlertDelivery, CheckRun, Issue, IssueTransition

KEPT_FOR = timedelta(days=90)


def forget_runs(*, now: datetime | None = None) -> int:
    """Delete the runs that began over 90 days ago and that no issue refers to, and messages as old;
    return how many runs those were. Audited."""
    before = (now or timezone.now()) - KEPT_FOR
    with transaction.atomic():
        alerts, _ = AlertDelivery.objects.filter(created_at__lt=before).delete()
        runs, _ = CheckRun.objects.filter(
            ~Exists(IssueTransition.objects.filter(run=OuterRef("pk"))),
            ~Exists(Issue.objects.filter(run=OuterRef("pk"))),
            ~Exists(AlertDelivery.objects.filter(run=OuterRef("pk"))),
            started_at__lt=before,
        ).delete()
        if runs or alerts:
            audit.record(
                "monitoring.forgotten",
                reason=f"older than {KEPT_FOR.days} days",
                after={"runs": runs, "alerts": alerts},
            )
    return runs
