from django.urls import path

from analyticsapp.views.definitions import definitions
from analyticsapp.views.executive import executive
from analyticsapp.views.products import products
from analyticsapp.views.rows import rows
from analyticsapp.views.subscriptions import subscriptions

urlpatterns = [
    path("", executive, name="dashboard"),
    path("products/", products, name="products"),
    path("subscriptions/", subscriptions, name="subscriptions"),
    path("kpis/", definitions, name="kpis"),
    path("rows/<str:key>/", rows, name="rows"),
]
