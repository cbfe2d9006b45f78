"""The audit log: rows that can be inserted and nothing else, and the seals that prove it."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from auditlog.idranges import IdRangesField
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
            models.Index(fields=["action", "-at", "-id"], name="auditevent_action_at"),
            models.Index(fields=["actor_name", "-at", "-id"], name="auditevent_actor_at"),
            models.Index(fields=["request_id"], name="auditevent_request"),
            models.Index(fields=["-at", "-id"], name="auditevent_latest"),
        ]
        permissions = [("export_auditevent", "Can export the audit log")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            no_truncate("the audit log"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}".strip()


class AuditSeal(models.Model):
    """Whose rows were there, and what they were, when the seal was made; and the seal before.

    Each id of the audit log up to ``last_id`` is, once and for all, in ``ids`` or ``void`` of one
    seal, or still ``pending`` in the last one. See :mod:`auditlog.sealing`.
    """

    number = models.BigIntegerField(primary_key=True, help_text="From 1, none left out.")
    at = models.DateTimeField()
    previous = models.CharField(max_length=64, help_text="The digest of the seal before.")
    last_id = models.BigIntegerField(help_text="Up to where the ids are accounted for.")
    ids = IdRangesField(help_text="Its rows.")
    void = IdRangesField(help_text="Ids whose transactions had ended and left no row.")
    pending = IdRangesField(help_text="Ids whose transactions may not have ended yet.")
    count = models.IntegerField(help_text="How many rows it seals.")
    row_digests = models.BinaryField(help_text="SHA-256 of each row, in the order of their ids.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of all of the above.")

    class Meta:
        ordering = ["-number"]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            no_truncate("the seals of the audit log"),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"
