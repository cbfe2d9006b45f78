"""Anomalies for ``monitoring/checks/waiting_orders.py``."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, order, order_id, paid_order, payment
from orders.models import Order


def paid_long_ago() -> None:
    payment()
    link(paid_order(), "pi_1")
    set_paid_days_ago(4)


def set_paid_days_ago(days: int) -> None:
    Order.objects.update(paid_at=timezone.now() - timedelta(days=days))


def set_placed_days_ago(days: int) -> None:
    Order.objects.update(placed_at=timezone.now() - timedelta(days=days))


def pending_for_a_week() -> None:
    order()
    set_placed_days_ago(8)


ANOMALIES = {
    "unfulfilled_late": Anomaly(
        make=paid_long_ago,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=lambda: set_paid_days_ago(2),
        again=lambda: set_paid_days_ago(4),
    ),
    "pending_late": Anomaly(
        make=pending_for_a_week,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=lambda: set_placed_days_ago(6),
        again=lambda: set_placed_days_ago(8),
    ),
}
