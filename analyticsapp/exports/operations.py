"""The pack for operations. Issues are offered by the app that has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import OuterRef, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Concat

from analyticsapp.exports.columns import number, text
from analyticsapp.exports.export import Export, selection
from analyticsapp.exports.registry import OPERATIONS
from analyticsapp.exports.scope import Scope
from auditlog.columns import Column
from orders.exports import order_columns
from orders.models import Order, OrderLine
from orders.states import OrderStatus

# What an order has that is paid and not fulfilled.
KEPT = {"number", "refund_status", "source", "currency"}
KEPT |= {"total_minor", "total", "captured_minor", "captured", "refunded_minor", "refunded"}
KEPT |= {"email", "customer_name", "placed_at", "paid_at"}


def exports() -> Iterator[Export]:
    """The pack, but for issues."""
    yield unfulfilled()


def unfulfilled() -> Export:
    """The orders that wait to be sent, with the columns of the list of orders."""
    lines = OrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    what = Concat(
        Cast("quantity", TextField()), Value(" × "), "description", output_field=TextField()
    )
    columns = (
        *(one for one in order_columns() if one.name in KEPT or one.name.startswith("flag_")),
        having(
            number("units", "Units on its lines. Empty: its lines aren’t known.", "units"),
            lines.annotate(found=Sum("quantity")).values("found"),
        ),
        having(
            text("contents", "Its lines: how many of what."),
            lines.annotate(found=StringAgg(what, ", ", order_by="position")).values("found"),
        ),
    )
    return Export(
        name="unfulfilled",
        pack=OPERATIONS,
        title="Orders to fulfil",
        meaning="An order that is paid and not fulfilled, the one that has waited longest first.",
        columns=columns,
        rows=selection(waiting, columns, {"order_id": "id"}),
        order="paid_at, order_id",
        dated=False,
    )


def waiting(scope: Scope) -> QuerySet[Order]:
    return Order.objects.filter(status=OrderStatus.PAID)


def having(column: Column, found: QuerySet[OrderLine, Any]) -> Column:
    """The column, its value found for each row by a query of its own."""
    return replace(column, value=Subquery(found))
