"""Reading what orders are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orders.models import Order, OrderLine

Lines = dict[int, list[OrderLine]]


def read_lines(order_ids: Iterable[int]) -> Lines:
    """The lines by order, each order's in their order; an order without lines is left out."""
    lines: Lines = defaultdict(list)
    if ids := list(order_ids):
        for line in OrderLine.objects.filter(order__in=ids).order_by("order_id", "position"):
            lines[line.order_id].append(line)
    return lines


def products_in(orders: Iterable[Order], lines: Mapping[int, Sequence[OrderLine]]) -> set[int]:
    """The products of the orders' lines."""
    return {
        line.product_id
        for order in orders
        for line in lines.get(order.pk, ())
        if line.product_id is not None
    }
