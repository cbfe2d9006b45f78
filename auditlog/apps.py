from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AuditlogConfig(AppConfig):
    name = "auditlog"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Learn what may stand in the log, and note when people say who they are."""
        autodiscover_modules("audited", "personal")
        import_module("auditlog.identity")
