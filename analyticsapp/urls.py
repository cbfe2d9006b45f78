from django.urls import path

from analyticsapp.views.definitions import definitions
from analyticsapp.views.executive import executive

urlpatterns = [
    path("", executive, name="dashboard"),
    path("kpis/", definitions, name="kpis"),
]
