"""Anomalies for ``monitoring/checks/orders.py``."""

from __future__ import annotations

from django.db import connection

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.rows import link, order, order_id, payment
from orders.models import OrderLine


def past_the_database(sql: str) -> None:
    """Write as nobody may: with triggers off, and constraints not looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def lines_for_less() -> None:
    """The customer pays 5.00 more than the lines and the shipping come to."""
    one = order(discount_minor=0, tax_minor=800, shipping_minor=0)
    build(OrderLine, order=one, position=1, quantity=1, total_minor=4_500)


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
        mend=lambda: OrderLine.objects.update(total_minor=5_000),
        again=lambda: OrderLine.objects.update(total_minor=5_500),
    ),
    "history_differs": Anomaly(
        make=paid_without_a_move,
        finds=lambda: {("orders.order", order_id(), 5_000, "eur")},
        mend=add_the_move,
        again=lambda: past_the_database("DELETE FROM orders_ordertransition"),
    ),
}
