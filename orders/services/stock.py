"""Stock: taken when an order is paid, given back by policy, counted by people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction

from auditlog.services import record
from orders.models import Order, OrderLine, Product
from orders.services.locking import lock_products

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
        order.oversold, order.stock_settled = False, True
        for line in lines.get(order.pk, ()):
            product = products.get(line.product_id) if line.product_id is not None else None
            if product is None or product.stock is None:
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


def adjust_stock(product_id: int, stock: int | None, *, reason: str) -> Product:
    """Set how many units there are (None: not counted), with an audit row; return the product.

    Raises:
        BadStock: negative, too large, or no reason given.
        Product.DoesNotExist: there is no such product.
    """
    if stock is not None and not 0 <= stock <= LARGEST_STOCK:
        raise BadStock(f"{stock} can't be a stock; it is between 0 and {LARGEST_STOCK:,}")
    if not reason.strip():
        raise BadStock("say why the stock changes")
    with transaction.atomic():
        product = lock_products([product_id]).get(product_id)
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
    return product
