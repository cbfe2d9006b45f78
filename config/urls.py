"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from config.home import home

urlpatterns = [
    path("", home, name="home"),
    path("admin/", admin.site.urls),
    path("dashboard/", include("analyticsapp.urls")),
    path("stripe/", include("payments.urls")),
    path("accounts/", include("governance.urls")),
]
