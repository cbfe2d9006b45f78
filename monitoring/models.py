"""Issues: what the checks found, followed until it is gone; and the runs that looked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from payments.models.base import currency_field


class Severity(models.TextChoices):
    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"
    CRITICAL = "critical", "critical"


class Kind(models.TextChoices):
    INTEGRITY = "integrity", "integrity"  # must never happen
    ATTENTION = "attention", "attention"  # legal, but someone must act


class CheckRun(models.Model):
    """One run over some or all checks."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    only = models.JSONField(default=list, blank=True, help_text="Names of checks; empty: all.")
    results = models.JSONField(
        default=list,
        blank=True,
        help_text="A list of check, found, opened, reopened, resolved, seconds, error.",
    )
    found = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    reopened = models.PositiveIntegerField(default=0)
    resolved = models.PositiveIntegerField(default=0)
    crashed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"run of {self.started_at:%Y-%m-%d %H:%M:%S}"


class Issue(models.Model):
    """Something that a check found about a subject; one row a check and subject, for ever."""

    class Status(models.TextChoices):
        OPEN = "open", "open"
        RESOLVED = "resolved", "resolved"

    check_name = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64, help_text="Label of its model.")
    subject_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    summary = models.TextField()
    evidence = models.JSONField(default=dict, help_text="The numbers that disagree.")
    amount_minor = models.BigIntegerField(null=True, blank=True, help_text="Money at risk.")
    currency = currency_field(blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1, help_text="Runs that found it.")
    reopened = models.PositiveIntegerField(default=0, help_text="How often it came back.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-last_seen", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_name", "subject_type", "subject_id"], name="issue_once"
            ),
            models.CheckConstraint(
                name="issue_status_known", condition=Q(status__in=["open", "resolved"])
            ),
            models.CheckConstraint(
                name="issue_severity_known", condition=Q(severity__in=Severity.values)
            ),
            models.CheckConstraint(
                name="issue_resolved_has_time",
                condition=Q(status="resolved", resolved_at__isnull=False)
                | Q(status="open", resolved_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["status", "severity"], name="issue_status_severity"),
            models.Index(fields=["subject_type", "subject_id"], name="issue_subject"),
        ]

    def __str__(self) -> str:
        return self.summary
