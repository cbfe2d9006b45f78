"""Anomalies for ``monitoring/checks/payments_orders.py``."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import HOUR, link, move, order, order_id, paid_order, payment, refund
from orders.models import Order, OrderPayment
from payments.models import Charge, Refund, StripeEvent


def charge_without_order() -> None:
    payment()


def pay_wrong_amount() -> None:
    payment(amount=4_000)
    link(order(total=5_000), "pi_1")


def pay_the_rest() -> None:
    payment("2", amount=1_000)
    link(Order.objects.get(), "pi_2")
    if Order.objects.get().status == "pending":
        move(Order.objects.get(), "paid", paid_at=timezone.now())


def pay_wrong_currency() -> None:
    payment(currency="usd")
    link(order(), "pi_1")


def refund_wrong_currency() -> None:
    refund(currency="usd")
    Charge.objects.update(amount_refunded=5_000)


def refund_fails() -> None:
    Refund.objects.update(status="failed", failed_at=timezone.now() - HOUR)
    Charge.objects.update(amount_refunded=0)


def status(word: str) -> Callable[[], object]:
    return lambda: StripeEvent.objects.update(status=word)


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


ANOMALIES = {
    "payment_without_order": Anomaly(
        make=charge_without_order,
        finds=lambda: {("payments.paymentintent", "pi_1", 5_000, "eur")},
        mend=lambda: link(paid_order(), "pi_1"),
        again=lambda: OrderPayment.objects.all().delete(),
    ),
    "amount_mismatch": Anomaly(
        make=pay_wrong_amount,
        finds=lambda: {("orders.order", order_id(), 1_000, "eur")},
        mend=pay_the_rest,
        again=lambda: Charge.objects.filter(pk="ch_2").update(amount_captured=2_000),
    ),
    "currency_mismatch": Anomaly(
        make=pay_wrong_currency,
        finds=lambda: {("orders.order", order_id(), 5_000, "usd")},
        mend=refund_wrong_currency,
        again=refund_fails,
    ),
    "several_payments": Anomaly(
        make=pay_twice,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=refund_the_second,
        again=take_the_refund_back,
    ),
}
