"""Anomalies for ``monitoring/checks/order_payments.py``."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, order, order_id, paid_order, payment, refund
from orders.models import Order
from payments.models import Charge, PaymentIntent, Refund


def pay_it() -> None:
    """Its intent succeeded; the charge is on its way."""
    build(PaymentIntent, id="pi_1", amount=5_000, currency="eur", status="succeeded")
    link(Order.objects.get(), "pi_1")


def pay_in_full_without_telling() -> None:
    payment()
    link(order(captured_minor=5_000), "pi_1")


def pay_twice() -> None:
    one = paid_order(captured_minor=10_000)
    for key in "12":
        payment(key)
        link(one, f"pi_{key}")


def refund_the_second() -> None:
    refund(of="ch_2")
    Charge.objects.filter(pk="ch_2").update(amount_refunded=5_000)
    Order.objects.update(refunded_minor=5_000)


def take_the_refund_back() -> None:
    Refund.objects.all().delete()
    Charge.objects.update(amount_refunded=0)
    Order.objects.update(refunded_minor=0)


def name_another_order() -> None:
    payment()
    link(paid_order(), "pi_1")
    order("1002")
    PaymentIntent.objects.update(metadata={"order": "1002"})


def hold_until_tomorrow() -> None:
    now = timezone.now()
    build(PaymentIntent, id="pi_1", amount=5_000, currency="eur", status="requires_capture")
    build(
        Charge,
        id="ch_1",
        payment_intent_id="pi_1",
        amount=5_000,
        currency="eur",
        status="succeeded",
        created=now - timedelta(days=6),
        capture_before=None,
        captured_at=None,
    )


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
    "several_payments": Anomaly(
        make=pay_twice,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=refund_the_second,
        again=take_the_refund_back,
    ),
    "payment_names_other_order": Anomaly(
        make=name_another_order,
        finds=lambda: {("payments.paymentintent", "pi_1", 5_000, "eur")},
        mend=lambda: PaymentIntent.objects.update(metadata={"order": "1001"}),
        again=lambda: PaymentIntent.objects.update(metadata={"order": "1002"}),
    ),
    "authorisation_expiring": Anomaly(
        make=hold_until_tomorrow,
        finds=lambda: {("payments.charge", "ch_1", 5_000, "eur")},
        mend=lambda: PaymentIntent.objects.update(status="canceled"),
        again=lambda: PaymentIntent.objects.update(status="requires_capture"),
    ),
}
