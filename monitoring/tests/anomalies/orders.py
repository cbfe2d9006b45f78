"""Anomalies for ``monitoring/checks/orders.py``."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly, Found
from monitoring.tests.rows import link, order, order_id, paid_order, payment
from orders.models import Order, OrderLine, Product


def past_the_database(sql: str) -> None:
    """Write as nobody may: with triggers off, and constraints not looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def lines_for_less() -> None:
    one = order(shipping_minor=500)
    build(OrderLine, order=one, position=1, quantity=1, total_minor=4_000)


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


def owe_stock() -> None:
    build(Product, sku="MUG", stock=3)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_product DROP CONSTRAINT product_stock_not_negative")
    Product.objects.update(stock=-2)


def the_product() -> Found:
    return {("orders.product", str(Product.objects.get().pk), None, "")}


def paid_without_a_move() -> None:
    payment()
    link(order(captured_minor=5_000), "pi_1")
    set_status("paid")


def set_status(word: str) -> None:
    past_the_database(f"UPDATE orders_order SET status = '{word}', paid_at = now()")


def add_the_move() -> None:
    past_the_database(
        "INSERT INTO orders_ordertransition"
        " (order_id, from_status, to_status, at, recorded_at, reason)"
        " SELECT id, 'pending', 'paid', now(), now(), 'put right' FROM orders_order"
    )


ANOMALIES = {
    "total_differs_from_lines": Anomaly(
        make=lines_for_less,
        finds=lambda: {("orders.order", order_id(), 500, "eur")},
        mend=lambda: OrderLine.objects.update(total_minor=4_500),
        again=lambda: OrderLine.objects.update(total_minor=4_000),
    ),
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
    "negative_stock": Anomaly(
        make=owe_stock,
        finds=the_product,
        mend=lambda: Product.objects.update(stock=0),
        again=lambda: Product.objects.update(stock=-1),
    ),
    "history_differs": Anomaly(
        make=paid_without_a_move,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=add_the_move,
        again=lambda: past_the_database("DELETE FROM orders_ordertransition"),
    ),
}
