"""Pages of webhook endpoints."""

from __future__ import annotations

from django.contrib import admin

from payments.admin.mirror import MirrorAdmin, flag_column
from payments.models import WebhookEndpoint


@admin.display(description="sends version")
def version(endpoint: WebhookEndpoint) -> str:
    return endpoint.sends_version or "the account’s default"


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(MirrorAdmin[WebhookEndpoint]):
    list_display = ("id", "url", "status", version, flag_column("deleted"), "created")
    # There are few, and no index by time.
    ordering = ("-id",)
