from django.urls import path

from monitoring.reconciliation import views

urlpatterns = [
    path("", views.reconciliation, name="reconciliation"),
    path("rows/", views.rows, name="reconciliation-rows"),
    path("export/", views.export, name="reconciliation-export"),
]
