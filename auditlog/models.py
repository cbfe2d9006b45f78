"""The audit log: rows that can be inserted and nothing else."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from auditlog.triggers import no_truncate


class AuditEvent(models.Model):
    """Who did what to what, when, why, from where; before and after."""

    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    # No constraint: the log outlives the account, and names it in words beside.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    actor_name = models.CharField(max_length=150, help_text="The user's name, or the job's.")
    target_type = models.CharField(max_length=64, blank=True)
    target_id = models.CharField(max_length=255, blank=True)
    reason = models.TextField(blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["target_type", "target_id", "-id"], name="auditevent_target"),
            models.Index(fields=["action", "-id"], name="auditevent_action"),
            models.Index(fields=["actor_name", "-id"], name="auditevent_actor"),
            models.Index(fields=["request_id"], name="auditevent_request"),
            models.Index(fields=["at"], name="auditevent_at"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            no_truncate("the audit log"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}".strip()
