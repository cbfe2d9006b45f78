"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register, register_export
from orders.states import OrderStatus

AMOUNTS = ("captured_minor", "refunded_minor", "currency")

register("order.created", "An order was made.", "number", "source", "total_minor", "currency")
for _status in OrderStatus:
    register(
        f"order.{_status}",
        f"An order became {_status}.",
        "status",
        "at",
        *AMOUNTS,
        "event",
        "carrier",
        "tracking_number",
    )
register("order.amounts", "Payments or refunds changed what an order was paid.", *AMOUNTS)
register("order.payment_attached", "A payment was attached to an order.", "payment")
register("order.noted", "Something was noted about an order; the note says what.", "note")
register("order.tracking", "The tracking number of an order was changed.", "carrier", "number")
register(
    "order.refund_asked",
    "A refund of an order was asked for.",
    "charge",
    "amount",
    "currency",
    "request",
    "lines.line",
    "lines.quantity",
    "lines.restock",
)
register(
    "order.restocked",
    "Goods of an order went back into stock.",
    "taken.*",
    "lines.line",
    "lines.description",
    "lines.quantity",
    "lines.refund",
)
register(
    "order.served",
    "An oversold order got what it lacked from stock.",
    "oversold",
    "taken.sku",
    "taken.quantity",
)
register("product.stock", "The stock of a product was counted or corrected.", "stock")
register_export("order", "Orders were downloaded.", "filter.*", "search")
