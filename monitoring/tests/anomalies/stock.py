"""Anomalies for ``monitoring/checks/stock.py``."""

from __future__ import annotations

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import order_id, oversold
from orders.models import Order

ANOMALIES = {
    "oversold_order": Anomaly(
        make=oversold,
        finds=lambda: {("orders.order", order_id(), 4_000, "eur")},
        mend=lambda: Order.objects.update(oversold=False),
        again=lambda: Order.objects.update(oversold=True),
    ),
}
