"""Anomalies for ``monitoring/checks/stock.py``."""

from __future__ import annotations

from django.db import connection

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly, Found
from monitoring.tests.rows import order_id, oversold
from orders.models import Order, Product


def owe_stock() -> None:
    build(Product, sku="MUG", stock=3)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_product DROP CONSTRAINT product_stock_not_negative")
    Product.objects.update(stock=-2)


def the_product() -> Found:
    return {("orders.product", str(Product.objects.get().pk), None, "")}


ANOMALIES = {
    "oversold_order": Anomaly(
        make=oversold,
        finds=lambda: {("orders.order", order_id(), 4_000, "eur")},
        mend=lambda: Order.objects.update(oversold=False),
        again=lambda: Order.objects.update(oversold=True),
    ),
    "negative_stock": Anomaly(
        make=owe_stock,
        finds=the_product,
        mend=lambda: Product.objects.update(stock=0),
        again=lambda: Product.objects.update(stock=-1),
    ),
}
