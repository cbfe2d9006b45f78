"""All addresses."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from auditlog.access import anyone
from config.home import home
from governance.views.metrics import metrics

urlpatterns = [
    path("", home, name="home"),
    # One page to sign in on, and one to change one's password, whatever was asked for: the admin's
    # own would leave no trace in the audit log.
    path("admin/login/", anyone(RedirectView.as_view(pattern_name="login", query_string=True))),
    path("admin/password_change/", anyone(RedirectView.as_view(pattern_name="password_change"))),
    path("admin/logout/", anyone(LogoutView.as_view())),
    path("admin/", admin.site.urls),
    path("dashboard/reconciliation/", include("monitoring.reconciliation.urls")),
    path("dashboard/operations/", include("monitoring.operations.urls")),
    path("dashboard/", include("analyticsapp.urls")),
    path("exports/", include("analyticsapp.exports.urls")),
    path("stripe/", include("payments.urls")),
    path("accounts/", include("governance.urls")),
    path("metrics", metrics, name="metrics"),
]
