"""The inbox: the record of everything Stripe ever told us."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.urls import reverse

from auditlog.triggers import no_truncate


class Source(models.TextChoices):
    """How an observation reached us."""

    WEBHOOK = "webhook", "webhook"
    LISTED = "listed", "listed"
    READ = "read", "read"
    # Found inside another observation: a refund in its charge, a charge in its payment intent.
    EMBEDDED = "embedded", "embedded"


class StripeEvent(models.Model):
    """One observation of a Stripe object; what its payload says never changes.

    It can only become less, and says so in ``reduced_for``: see ``payments.reduction``.

    Events have Stripe's own id. Reads of objects through the API are kept beside them as
    ``read.<object>`` under an id of ours; ``as_of`` is then the start of the request.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", "received"
        PROCESSED = "processed", "processed"
        IGNORED = "ignored", "ignored"
        FAILED = "failed", "failed, will be tried again"
        DEAD = "dead", "dead"

    class Reduced(models.TextChoices):
        """Why the payload is less than what came."""

        NOT = "", "as it came"
        RETENTION = "retention", "reduced after its time"
        ERASURE = "erasure", "reduced, a person’s data is erased"

    OPEN = (Status.RECEIVED, Status.FAILED)
    IN_NEED = (Status.FAILED, Status.DEAD)

    stripe_id = models.CharField(max_length=255, unique=True)
    source = models.CharField(max_length=10, choices=Source)
    type = models.CharField(max_length=100)
    object_type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255, db_collation="C")
    api_version = models.CharField(max_length=64, blank=True)
    livemode = models.BooleanField()
    as_of = models.DateTimeField(help_text="When the payload was true: the event's created.")
    payload = models.JSONField()
    reduced_for = models.CharField(
        max_length=10, choices=Reduced, blank=True, default="", db_default=""
    )
    payload_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="SHA-256 of a payload before it was reduced after its time, as jsonb’s text.",
    )
    note = models.TextField(blank=True, help_text="What was unusual about it when it arrived.")
    received_at = models.DateTimeField()
    delivered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Of an event that was listed before Stripe delivered it: when it did.",
    )
    request_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the request that brought it, or of the job that fetched it.",
    )

    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(help_text="Not tried before this time.")
    error = models.TextField(blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "Stripe event"
        permissions = [("replay_stripeevent", "Can have an event processed again")]
        constraints = [
            models.CheckConstraint(
                name="stripeevent_status_known",
                condition=Q(status__in=["received", "processed", "ignored", "failed", "dead"]),
            ),
            models.CheckConstraint(
                name="stripeevent_source_known",
                condition=Q(source__in=["webhook", "listed", "read", "embedded"]),
            ),
            models.CheckConstraint(
                name="stripeevent_reduced_known",
                condition=Q(reduced_for__in=["", "retention", "erasure"]),
            ),
        ]
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="stripeevent_object"),
            models.Index(
                fields=["id"],
                name="stripeevent_open",
                condition=Q(status__in=["received", "failed"]),
            ),
            models.Index(
                fields=["id"],
                name="stripeevent_in_need",
                condition=Q(status__in=["failed", "dead"]),
            ),
            models.Index(fields=["received_at"], name="stripeevent_received"),
            models.Index(fields=["livemode", "api_version", "type"], name="stripeevent_kinds"),
            models.Index(
                fields=["received_at"],
                name="stripeevent_undelivered",
                condition=Q(source="listed", delivered_at__isnull=True),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="immutable",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "stripe_id",
                    "source",
                    "type",
                    "object_type",
                    "object_id",
                    "api_version",
                    "livemode",
                    "as_of",
                    "note",
                    "received_at",
                ),
                func="RAISE EXCEPTION 'an event can''t be changed (%)', OLD.stripe_id;",
            ),
            # The one exception, and no wider than it must be: a payload may become less, once it
            # did its work or where a person is to be forgotten, and the row says so. The digest is
            # this trigger's own, so that nobody can say that another payload was here.
            pgtrigger.Trigger(
                name="only_reduced",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("payload", "reduced_for", "payload_digest"),
                func="""
                    IF NEW.reduced_for = 'retention' AND OLD.reduced_for = ''
                            AND OLD.status IN ('processed', 'ignored') THEN
                        NEW.payload_digest =
                            encode(sha256(convert_to(OLD.payload::text, 'UTF8')), 'hex');
                    ELSIF NEW.reduced_for = 'erasure' THEN
                        NEW.payload_digest = '';
                    ELSE
                        RAISE EXCEPTION 'an event can''t be changed (%)', OLD.stripe_id;
                    END IF;
                    IF NOT only_erased(OLD.payload, NEW.payload) THEN
                        RAISE EXCEPTION 'an event can''t be changed (%)', OLD.stripe_id;
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate("the inbox"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"

    def get_absolute_url(self) -> str:
        return reverse("admin:payments_stripeevent_change", args=[self.pk])


class ReadRequest(models.Model):
    """Something to be read through the API: what webhooks don't bring, or what is ambiguous.

    ``kind`` names the read (an object's type, or a list such as ``payout.balance_transactions``),
    ``key`` the object. The row goes away when the read has been stored; ``requested`` counts the
    wishes, so that one that comes while a read is under way isn't lost with it.
    """

    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=255, db_collation="C")
    requested = models.PositiveIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="readrequest_once"),
        ]
        indexes = [models.Index(fields=["not_before", "id"], name="readrequest_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class SyncCursor(models.Model):
    """How far ``sync_stripe`` has come with one list, so that it can go on after a break."""

    resource = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField(null=True, blank=True)
    starting_after = models.CharField(max_length=255, blank=True)
    stored = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.resource
