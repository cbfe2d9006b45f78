"""Anomalies for ``monitoring/checks/order_payments.py``."""

from __future__ import annotations

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, order, order_id, paid_order, payment
from orders.models import Order
from payments.models import Charge, PaymentIntent


def pay_it() -> None:
    """Its intent succeeded; the charge is on its way."""
    build(PaymentIntent, id="pi_1", amount=5_000, currency="eur", status="succeeded")
    link(Order.objects.get(), "pi_1")


def pay_in_full_without_telling() -> None:
    payment()
    link(order(captured_minor=5_000), "pi_1")


def name(number: str) -> None:
    PaymentIntent.objects.update(metadata={"order": number})


def name_another_order() -> None:
    payment()
    link(paid_order(), "pi_1")
    order("1002")
    name("1002")


ANOMALIES = {
    "paid_order_unpaid": Anomaly(
        make=paid_order,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=pay_it,
        again=lambda: PaymentIntent.objects.update(status="canceled"),
    ),
    "payment_order_pending": Anomaly(
        make=pay_in_full_without_telling,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=lambda: Charge.objects.update(status="failed"),
        again=lambda: Charge.objects.update(status="succeeded"),
    ),
    "payment_names_other_order": Anomaly(
        make=name_another_order,
        finds=lambda: {("payments.paymentintent", "pi_1", 5_000, "eur")},
        mend=lambda: name("1001"),
        again=lambda: name("1002"),
    ),
}
