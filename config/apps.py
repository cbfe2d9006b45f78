from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Say in the admin what its first page shows, and nothing in one way."""
        from django.contrib import admin

        admin.site.index_title = "Today"
        admin.site.empty_value_display = "–"
