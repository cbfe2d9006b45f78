from importlib import import_module

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from analyticsapp import exports

        import_module("monitoring.checks")
        import_module("monitoring.flags")
        import_module("monitoring.settings_checks")
        import_module("monitoring.timeline")
        exports.offer(import_module("monitoring.exports").exports)
