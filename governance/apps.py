from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"

    def ready(self) -> None:
        """Keep the roles' groups whenever the database is migrated; hear who signs in and out."""
        from governance.roles import keep_groups_after_migrate

        import_module("governance.checks")
        import_module("governance.sessions")
        import_module("governance.settings_checks")
        import_module("governance.signing")
        # Connected after django.contrib.auth, whose receiver makes the permissions.
        post_migrate.connect(keep_groups_after_migrate, dispatch_uid="governance.roles.keep_groups")
