from django.urls import path

from analyticsapp.views.bridge import bridge_rows, export_bridge
from analyticsapp.views.definitions import definitions
from analyticsapp.views.executive import executive
from analyticsapp.views.money import money
from analyticsapp.views.products import products
from analyticsapp.views.rows import rows
from analyticsapp.views.subscriptions import subscriptions

urlpatterns = [
    path("", executive, name="dashboard"),
    path("products/", products, name="products"),
    path("subscriptions/", subscriptions, name="subscriptions"),
    path("money/", money, name="money"),
    path("money/rows/", bridge_rows, name="money-rows"),
    path("money/export/", export_bridge, name="money-export"),
    path("kpis/", definitions, name="kpis"),
    path("rows/<str:key>/", rows, name="rows"),
]
