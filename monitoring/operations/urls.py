from django.urls import path

from monitoring.operations.views import operations

urlpatterns = [path("", operations, name="operations")]
