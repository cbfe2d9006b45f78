"""Pages of the messages about issues: what became of each on each channel."""

from __future__ import annotations

from django.contrib import admin

from auditlog.readonly import ReadOnlyAdmin
from monitoring.models import AlertDelivery


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnlyAdmin[AlertDelivery]):
    list_display = ("created_at", "label", "about", "status", "attempts", "tried_at", "error")
    list_filter = ("status",)
    list_select_related = ("run",)
    nothing_here = "Nothing was told yet. ALERT_URLS says where new issues are told."
    fields = ("created_at", "label", "run", "status", "attempts", "tried_at", "next_at", "error")

    @admin.display(description="about")
    def about(self, alert: AlertDelivery) -> str:
        return str(alert.run or "a test")
