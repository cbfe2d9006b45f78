"""Checks of stock: what was paid for can be sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, rows
from orders.models import Order, Product
from orders.states import OrderStatus
from payments.money import format_money

# A fulfilled order has been sent, wherever its goods came from.
OVERSOLD = """
SELECT o.id, o.number, o.currency, o.total_minor AS total, o.paid_at,
    sum(line.total_minor) AS lacking,
    array_agg(line.sku ORDER BY line.position) FILTER (WHERE line.sku IS NOT NULL) AS skus,
    array_agg(line.quantity ORDER BY line.position) FILTER (WHERE line.sku IS NOT NULL)
        AS quantities,
    array_agg(line.stock ORDER BY line.position) FILTER (WHERE line.sku IS NOT NULL) AS stocks
FROM orders_order AS o
LEFT JOIN (
    SELECT line.order_id, line.position, line.quantity, line.total_minor, product.sku,
        product.stock
    FROM orders_orderline AS line
    JOIN orders_product AS product ON product.id = line.product_id
    WHERE line.taken < line.quantity AND product.stock IS NOT NULL
) AS line ON line.order_id = o.id
WHERE o.status = %(paid)s AND o.oversold
GROUP BY o.id
ORDER BY o.paid_at, o.id
"""
MOST_LINES = 10


@check(
    name="oversold_order",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.PRODUCTS,),
    meaning="An order is paid, but its products weren’t all in stock: the customer waits for "
    "something that isn’t there.",
    remedy="When goods arrive, set the product’s stock: orders that wait are served first, the one "
    "that paid first before the others. Or refund what can’t be sent.",
    remedies=("restock", "serve_order", "refund_part"),
)
def oversold_order(now: datetime) -> Iterator[Finding]:
    for row in rows(OVERSOLD, {"paid": OrderStatus.PAID.value}):
        currency = row["currency"]
        lines = list(
            zip(row["skus"] or (), row["quantities"] or (), row["stocks"] or (), strict=True)
        )
        what = ", ".join(f"{quantity} × {sku}" for sku, quantity, _ in lines[:MOST_LINES])
        # Where the lines don't say what is lacking, all of the order may be.
        at_risk = int(row["lacking"] or row["total"])
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} over {format_money(row['total'], currency)} lacks "
            f"{what or 'some of its products'}",
            evidence={
                "order total": amount(row["total"], currency),
                "lacking": amount(at_risk, currency),
                "paid": moment(row["paid_at"]),
                "in stock": [f"{stock} × {sku}" for sku, _, stock in lines[:MOST_LINES]],
            },
            amount_minor=at_risk,
            currency=currency,
        )


NEGATIVE = "SELECT id, sku, name, stock FROM orders_product WHERE stock < 0 ORDER BY id"


@check(
    name="negative_stock",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.PRODUCTS,),
    meaning="More of a product was taken than there was. The database refuses that, so something "
    "went past it.",
    remedy="Count the product and correct its stock on its page. Then find out who wrote to the "
    "database with its constraints off.",
    remedies=("restock",),
)
def negative_stock(now: datetime) -> Iterator[Finding]:
    for row in rows(NEGATIVE, {}):
        yield Finding(
            subject_type=label(Product),
            subject_id=str(row["id"]),
            summary=f"There are {row['stock']} of {row['name'] or row['sku']}",
            evidence={"stock": row["stock"], "SKU": row["sku"]},
        )
