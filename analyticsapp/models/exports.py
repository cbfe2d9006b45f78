"""Who may take exports."""

from __future__ import annotations

from django.db import models


class ExportPermission(models.Model):
    """Who may take which pack of exports, and whether with personal data. It has no rows."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("export_finance", "Can export the finance pack"),
            ("export_operations", "Can export the operations pack"),
            ("export_bi", "Can export the BI pack"),
            ("export_personal_data", "Can have personal data in an export"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
