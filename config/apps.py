from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from django.contrib import admin

        admin.site.empty_value_display = "–"
