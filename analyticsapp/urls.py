from django.urls import path

from analyticsapp.views import definitions, executive

urlpatterns = [
    path("", executive, name="dashboard"),
    path("kpis/", definitions, name="kpis"),
]
