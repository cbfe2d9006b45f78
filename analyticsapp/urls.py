from django.urls import path

from analyticsapp.views import executive

urlpatterns = [path("", executive, name="dashboard")]
