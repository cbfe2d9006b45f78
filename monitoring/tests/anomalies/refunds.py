"""Anomalies for ``monitoring/checks/refunds.py``."""

from __future__ import annotations

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, order_id, paid_order, payment, refund
from orders.models import Order


def refund_without_its_row() -> None:
    payment(amount_refunded=1_000)
    link(paid_order(), "pi_1")


def refund_row_arrives() -> None:
    refund(amount=1_000)
    Order.objects.update(refunded_minor=1_000)


ANOMALIES = {
    "refund_mismatch": Anomaly(
        make=refund_without_its_row,
        finds=lambda: {("orders.order", order_id(), 1_000, "eur")},
        mend=refund_row_arrives,
        again=lambda: Order.objects.update(refunded_minor=0),
    ),
}
