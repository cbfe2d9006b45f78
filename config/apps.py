from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Name the admin's first page after what it shows."""
        from django.contrib import admin

        admin.site.index_title = "Today"
