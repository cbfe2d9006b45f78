from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AuditlogConfig(AppConfig):
    name = "auditlog"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Learn what may stand in the log."""
        autodiscover_modules("audited")
