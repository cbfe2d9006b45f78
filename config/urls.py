"""All addresses."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.home import home

urlpatterns = [
    path("", home, name="home"),
    # One page to sign in on, whatever was asked for.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("dashboard/reconciliation/", include("monitoring.reconciliation.urls")),
    path("dashboard/", include("analyticsapp.urls")),
    path("exports/", include("analyticsapp.exports.urls")),
    path("stripe/", include("payments.urls")),
    path("accounts/", include("governance.urls")),
]
