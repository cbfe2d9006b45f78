"""Writing many changed rows with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.db import connection
from django.db.models import Field, Model

from orders.models import Order

ORDER_COLUMNS = (
    "status",
    "currency",
    "total_minor",
    "subtotal_minor",
    "discount_minor",
    "tax_minor",
    "shipping_minor",
    "customer_id",
    "email",
    "payment_intent_id",
    "checkout_session_id",
    "placed_at",
    "paid_at",
    "fulfilled_at",
    "canceled_at",
    "captured_minor",
    "refunded_minor",
    "oversold",
    "stock_settled",
    "carrier",
    "tracking_number",
)


def save_all(rows: Sequence[Model], columns: Sequence[str], *, computed: str = "") -> None:
    """Update ``columns`` (attribute names) of existing rows of one model with one statement.

    ``computed`` names a column that the database computes from them; it is brought up to date on
    the instances.
    """
    if not rows:
        return
    meta = rows[0]._meta
    fields = {field.attname: cast("Field[object, object]", field) for field in meta.concrete_fields}
    typed = [(name, fields[name].db_type(connection)) for name in columns]
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in typed)
    changes = ", ".join(f'"{name}" = new."{name}"' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    returning = f'RETURNING row.id, row."{computed}"' if computed else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE "{meta.db_table}" AS row SET {changes}
            FROM unnest(%s::bigint[], {arrays}) AS new (id, {names})
            WHERE row.id = new.id {returning}
            """,
            [
                [row.pk for row in rows],
                *([getattr(row, name) for row in rows] for name in columns),
            ],
        )
        if computed:
            values = dict(cursor.fetchall())
            for row in rows:
                setattr(row, computed, values[row.pk])


def save_orders(orders: Sequence[Order]) -> None:
    """Write orders that the caller has locked and changed."""
    save_all(orders, ORDER_COLUMNS, computed="refund_status")


def order_values(order: Order) -> tuple[object, ...]:
    """What ``save_orders`` would write; compared to see whether anything changed."""
    return tuple(getattr(order, name) for name in ORDER_COLUMNS)
