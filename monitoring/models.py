"""Issues: what the checks found, followed until it is gone; and the runs that looked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from procrastinate.contrib.django.models import ProcrastinateJob

from auditlog.triggers import append_only, no_truncate
from payments.models.base import currency_check, currency_field


class Severity(models.TextChoices):
    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"
    CRITICAL = "critical", "critical"

    @property
    def rank(self) -> int:
        """0 for low, rising with severity."""
        return list(Severity).index(self)

    @classmethod
    def at_least(cls, severity: str) -> list[Severity]:
        """``severity`` and all above it."""
        return [one for one in cls if one.rank >= cls(severity).rank]


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
        help_text="A list of check, found, opened, reopened, resolved, milliseconds, error.",
    )
    found = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    reopened = models.PositiveIntegerField(default=0)
    resolved = models.PositiveIntegerField(default=0)
    crashed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        verbose_name = "check run"

    def __str__(self) -> str:
        return f"run of {self.started_at:%Y-%m-%d %H:%M:%S} UTC"


class AlertDelivery(models.Model):
    """What became of one message on one channel: the alert of a run, or a test, which has none."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"  # given up

    run = models.ForeignKey(
        CheckRun, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    channel = models.CharField(max_length=32, help_text="A digest of its address.")
    label = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True, help_text="When it is tried next.")
    error = models.TextField(blank=True, help_text="Why the last try failed.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "alert"
        constraints = [
            models.UniqueConstraint(fields=["run", "channel"], name="alert_once"),
            models.CheckConstraint(
                name="alert_status_known", condition=Q(status__in=["waiting", "sent", "failed"])
            ),
            models.CheckConstraint(
                name="alert_waits_for_a_time",
                condition=Q(status="waiting", next_at__isnull=False)
                | (~Q(status="waiting") & Q(next_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="alert_due", condition=Q(status="waiting")),
            models.Index(fields=["channel", "-tried_at"], name="alert_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.status}"


class Issue(models.Model):
    """Something that a check found about a subject; one row a check and subject, for ever."""

    class Status(models.TextChoices):
        OPEN = "open", "open"
        ACKNOWLEDGED = "acknowledged", "acknowledged"  # somebody is at it
        MUTED = "muted", "muted"  # nobody need be, until a date
        ACCEPTED = "accepted", "accepted"  # it may stay so, while its numbers do
        RESOLVED = "resolved", "resolved"

    # Nobody has decided that it may stay as it is.
    NEEDS_SOMEONE = (Status.OPEN, Status.ACKNOWLEDGED)
    # It is still wrong, and somebody has decided that it may be.
    SET_ASIDE = (Status.MUTED, Status.ACCEPTED)

    check_name = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64, help_text="Label of its model.")
    subject_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    summary = models.TextField()
    evidence = models.JSONField(
        default=list, help_text="The numbers that disagree: a list of name and value."
    )
    amount_minor = models.BigIntegerField(null=True, blank=True, help_text="Money at risk.")
    currency = currency_field(blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1, help_text="Runs that found it.")
    reopened = models.PositiveIntegerField(
        default=0, help_text="How often a run opened it again: after it was resolved or set aside."
    )
    muted_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    run = models.ForeignKey(
        CheckRun,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # it changes with each run, and nobody looks an issue up by it
        help_text="The run that last found it, or found it gone.",
    )

    class Meta:
        ordering = ["-last_seen", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_name", "subject_type", "subject_id"], name="issue_once"
            ),
            models.CheckConstraint(
                name="issue_status_known",
                condition=Q(status__in=["open", "acknowledged", "muted", "accepted", "resolved"]),
            ),
            models.CheckConstraint(name="issue_kind_known", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(
                name="issue_severity_known", condition=Q(severity__in=Severity.values)
            ),
            currency_check("issue", nullable=True),
            models.CheckConstraint(
                name="issue_amount_has_currency",
                condition=Q(amount_minor__isnull=True) | ~Q(currency=""),
            ),
            models.CheckConstraint(
                name="issue_resolved_has_time",
                condition=Q(status="resolved", resolved_at__isnull=False)
                | ~Q(status="resolved") & Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="issue_muted_has_end",
                condition=Q(status="muted", muted_until__isnull=False)
                | ~Q(status="muted") & Q(muted_until__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["-last_seen", "-id"], name="issue_last_seen"),
            models.Index(fields=["status", "severity"], name="issue_status_severity"),
            models.Index(
                fields=["check_name"], name="issue_unresolved", condition=~Q(status="resolved")
            ),
            models.Index(fields=["subject_type", "subject_id"], name="issue_subject"),
        ]

    def __str__(self) -> str:
        return self.summary


class IssueTransition(models.Model):
    """One step in an issue's life and its cause: a run of the checks, or someone's reason."""

    issue = models.ForeignKey(
        Issue, on_delete=models.PROTECT, related_name="transitions", db_index=False
    )
    at = models.DateTimeField()
    from_status = models.CharField(
        max_length=12, choices=Issue.Status, blank=True, help_text="Empty: it is new."
    )
    to_status = models.CharField(max_length=12, choices=Issue.Status)
    run = models.ForeignKey(
        CheckRun, null=True, blank=True, on_delete=models.PROTECT, related_name="transitions"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text="When a mute is to end.")
    evidence = models.JSONField(default=list, blank=True, help_text="The numbers at that time.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="issuetransition_statuses_known",
                condition=Q(
                    from_status__in=["", "open", "acknowledged", "muted", "accepted", "resolved"]
                )
                & Q(to_status__in=["open", "acknowledged", "muted", "accepted", "resolved"]),
            ),
            # A run opens and resolves; a person says why, but for "I am at it".
            models.CheckConstraint(
                name="issuetransition_has_cause",
                condition=~Q(reason="")
                | Q(run__isnull=False, to_status__in=["open", "resolved"])
                | Q(actor__isnull=False, to_status="acknowledged"),
            ),
            models.CheckConstraint(
                name="issuetransition_mute_has_end",
                condition=Q(to_status="muted", until__isnull=False)
                | ~Q(to_status="muted") & Q(until__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["issue", "id"], name="issuetransition_issue")]
        triggers = [
            *append_only("reason", "evidence"),
            no_truncate("the history of issues"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} → {self.to_status}"

    @property
    def word(self) -> str:
        """The step in one word or two."""
        match self.to_status:
            case Issue.Status.OPEN:
                return "re-opened" if self.from_status else "opened"
            case Issue.Status.MUTED:
                return f"muted until {self.until:%Y-%m-%d %H:%M} UTC"
            case Issue.Status.RESOLVED if self.run_id is None:
                return "resolved by hand"
        return self.to_status

    @property
    def who(self) -> str:
        """Who did it: a person, or whoever ran the checks. Reads both."""
        if self.actor:
            return self.actor.get_username()
        return self.run.actor_name if self.run else ""


class BackgroundJob(ProcrastinateJob):
    """A job of the queue, for looking at: only the queue's own functions write it."""

    class Meta:
        proxy = True
        verbose_name = "job"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.task_name} {self.pk}"
