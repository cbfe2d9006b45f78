"""Stock: taken when an order is paid, given back by policy, counted by people.

An order that was paid when its products weren't all there waits (*oversold*). When the stock of one
of them is counted anew, those that wait are served before anybody who pays later, the first to have
paid first.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from auditlog.services import Entry, record, record_all
from orders.changes import OrderChange, announce
from orders.models import Order, OrderLine, Product
from orders.services.lines import Lines, products_in, read_lines
from orders.services.locking import lock_orders, lock_products
from orders.services.storing import save_all, save_orders
from orders.states import OrderStatus

LARGEST_STOCK = 2**31 - 1


class BadStock(ValueError):
    """Not a stock that a product can have; the message says why."""


def take_and_restock(
    takes: Iterable[Order],
    restocks: Iterable[Order],
    lines: Mapping[int, Sequence[OrderLine]],
    products: Mapping[int, Product],
) -> list[OrderLine]:
    """Take the ``lines`` (by order id) of ``takes`` from stock, after giving back those of
    ``restocks``; return the lines that changed.

    A line gets all of its units or none; an order that lacks some is *oversold*. The first of
    ``takes`` is served first. The caller has locked orders and products, and writes them and the
    lines.
    """
    moved: list[OrderLine] = []
    for order in restocks:
        for line in lines.get(order.pk, ()):
            if line.taken:
                give_back(line, products)
                moved.append(line)
        # Nothing is to be served any more.
        order.oversold, order.stock_settled = False, True
    for order in takes:
        moved += take(order, lines.get(order.pk, ()), products)
    return moved


def take(
    order: Order, lines: Sequence[OrderLine], products: Mapping[int, Product]
) -> list[OrderLine]:
    """Take from stock what the order doesn't have yet; return the lines that changed."""
    moved = []
    order.oversold, order.stock_settled = False, True
    for line in lines:
        product = products.get(line.product_id) if line.product_id is not None else None
        if line.taken or product is None or product.stock is None:
            continue
        if product.stock < line.quantity:
            order.oversold = True
            continue
        product.stock -= line.quantity
        line.taken = line.quantity
        moved.append(line)
    return moved


def give_back(line: OrderLine, products: Mapping[int, Product]) -> None:
    product = products[line.product_id] if line.product_id is not None else None
    if product is not None and product.stock is not None:
        product.stock = min(product.stock + line.taken, LARGEST_STOCK)
    line.taken = 0


@dataclass(frozen=True)
class Adjusted:
    """A product whose stock was set, and the orders that had waited and lack nothing now."""

    product: Product
    served: Sequence[Order] = ()


def adjust_stock(product_id: int, stock: int | None, *, reason: str) -> Adjusted:
    """Set how many units there are (None: not counted), with an audit row, and serve from them the
    paid orders that wait for the product.

    An order that comes to wait in the very moment of the edit may be missed; it stays flagged, and
    ``serve_oversold`` or the next edit serves it.

    Raises:
        BadStock: negative, too large, or no reason given.
        Product.DoesNotExist: there is no such product.
    """
    if stock is not None and not 0 <= stock <= LARGEST_STOCK:
        raise BadStock(f"{stock} can't be a stock; it is between 0 and {LARGEST_STOCK:,}")
    if not reason.strip():
        raise BadStock("say why the stock changes")
    with transaction.atomic():
        waiting = lock_waiting(waiting_for(product_id).values_list("pk", flat=True))
        lines = read_lines(order.pk for order in waiting)
        products = lock_products({product_id, *products_in(waiting, lines)})
        product = products.get(product_id)
        if product is None:
            raise Product.DoesNotExist(f"there is no product {product_id}")
        before, product.stock = product.stock, stock
        product.save(update_fields=["stock"])
        record(
            "product.stock",
            product,
            reason=reason.strip(),
            before={"stock": before},
            after={"stock": stock},
        )
        return Adjusted(product, serve_waiting(waiting, lines, products, reason.strip()))


def serve_oversold(order_ids: Iterable[int], *, reason: str) -> list[Order]:
    """Take from stock what these orders were paid for and lack; return those that lack nothing now.

    Of the orders, those that are paid and oversold are served, the first to have paid first; each
    line gets all of its units or none.

    Raises:
        BadStock: no reason given.
    """
    if not reason.strip():
        raise BadStock("say why the orders are served now")
    with transaction.atomic():
        waiting = lock_waiting(order_ids)
        lines = read_lines(order.pk for order in waiting)
        products = lock_products(products_in(waiting, lines))
        return serve_waiting(waiting, lines, products, reason.strip())


def waiting_for(product_id: int) -> QuerySet[Order]:
    """The paid orders that are oversold and haven't got this product."""
    lacking = OrderLine.objects.filter(product=product_id, taken=0).values("order")
    return Order.objects.filter(status=OrderStatus.PAID, oversold=True, pk__in=lacking)


def lock_waiting(order_ids: Iterable[int]) -> list[Order]:
    """Those of the orders that wait, locked, the first to have paid first."""
    orders = lock_orders(order_ids).values()
    waiting = [order for order in orders if order.status == OrderStatus.PAID and order.oversold]
    return sorted(waiting, key=lambda order: (order.paid_at or order.placed_at, order.pk))


def serve_waiting(
    waiting: Sequence[Order], lines: Lines, products: Mapping[int, Product], reason: str
) -> list[Order]:
    """Serve locked orders from locked products; write and audit what came of it."""
    before = {order.pk: copy.copy(order) for order in waiting}
    moved = {order.pk: take(order, lines.get(order.pk, ()), products) for order in waiting}
    changed = [order for order in waiting if moved[order.pk] or not order.oversold]
    taken = [line for lines_taken in moved.values() for line in lines_taken]
    save_all(taken, ("taken",))
    save_all([products[key] for key in {line.product_id for line in taken} if key], ("stock",))
    save_orders(changed)
    record_all(
        Entry(
            "order.served",
            order,
            reason=reason,
            before={"oversold": True},
            after={
                "oversold": order.oversold,
                "taken": [
                    {"sku": products[line.product_id].sku, "quantity": line.taken}
                    for line in moved[order.pk]
                    if line.product_id is not None
                ],
            },
        )
        for order in changed
    )
    announce([OrderChange(before[order.pk], order) for order in changed])
    return [order for order in changed if not order.oversold]
