"""Anomalies for ``monitoring/checks/refunded_orders.py``."""

from __future__ import annotations

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import dispute, link, order_id, paid_order, payment, refund
from orders.models import Order
from payments.models import Charge, Dispute, Refund


def refund_and_dispute() -> None:
    payment(amount_refunded=2_000)
    link(paid_order(refunded_minor=2_000), "pi_1")
    refund(amount=2_000, balance_transaction_id="txn_1")
    dispute(status="lost")


def refund_in_full() -> None:
    payment(amount_refunded=5_000)
    link(paid_order(refunded_minor=5_000), "pi_1")
    refund(balance_transaction_id="txn_1")


def refund_half() -> None:
    Refund.objects.update(amount=2_500)
    Charge.objects.update(amount_refunded=2_500)
    Order.objects.update(refunded_minor=2_500)


def refund_the_rest() -> None:
    Refund.objects.update(amount=5_000)
    Charge.objects.update(amount_refunded=5_000)
    Order.objects.update(refunded_minor=5_000)


ANOMALIES = {
    "given_back_above_captured": Anomaly(
        make=refund_and_dispute,
        finds=lambda: {("payments.charge", "ch_1", 2_000, "eur")},
        mend=lambda: Dispute.objects.update(status="won"),
        again=lambda: Dispute.objects.update(status="lost"),
    ),
    "refunded_order_not_canceled": Anomaly(
        make=refund_in_full,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=refund_half,
        again=refund_the_rest,
    ),
}
