from django.urls import path

from analyticsapp.views.exports import download, exports

urlpatterns = [
    path("", exports, name="exports"),
    path("<slug:name>/", download, name="export"),
]
