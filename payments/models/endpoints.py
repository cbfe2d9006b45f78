"""Mirror: where Stripe sends its events."""

from __future__ import annotations

from django.db import models

from payments.models.base import MirrorObject, status_field


class WebhookEndpoint(MirrorObject):
    """There are no events of endpoints: they are listed, and one that a list lacks was deleted."""

    OBJECT = "webhook_endpoint"
    DASHBOARD = "webhooks"

    url = models.TextField()
    status = status_field()
    enabled_events = models.JSONField(default=list, help_text="Types of event; * stands for all.")
    sends_version = models.CharField(
        max_length=64, blank=True, help_text="Empty: the account's default version."
    )
    deleted = models.BooleanField(default=False)

    class Meta(MirrorObject.Meta):
        indexes = [*MirrorObject.Meta.indexes]
