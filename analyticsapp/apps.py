from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analyticsapp"
    verbose_name = "Analytics"
