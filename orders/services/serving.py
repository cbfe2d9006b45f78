"""Lines and stock of orders that are being settled: what was bought, and whether it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orders.models import Order, OrderLine
from orders.services import catalogue, stock
from orders.services.from_stripe import lines_of
from orders.services.lines import products_in, read_lines
from orders.services.locking import lock_products
from orders.services.storing import save_all
from payments.models import CheckoutSession, Product


def serve(
    takes: Sequence[Order],
    restocks: Sequence[Order],
    sessions: Mapping[int, CheckoutSession],
    products_changed: Mapping[str, Product],
) -> None:
    """Give orders the lines that their ``sessions`` (by order) list; take stock for ``takes`` whose
    lines are known, the first first, and give it back for ``restocks``. A bounded number of
    statements.

    Products that changed at Stripe are renamed in the same pass, because it holds their locks. The
    caller has locked the orders and writes them.
    """
    lines = read_lines({order.pk for order in (*takes, *restocks)} | sessions.keys())
    lacking = {key: session for key, session in sessions.items() if key not in lines}
    if lacking or products_changed:
        new = lines_of(lacking, products_changed)
        OrderLine.objects.bulk_create(new)
        for line in new:
            lines[line.order_id].append(line)
    able = [order for order in takes if order.pk in lines]
    wanted = products_in((*able, *restocks), lines)
    wanted.update(catalogue.known(products_changed.keys()))
    products = lock_products(wanted) if wanted else {}
    was = {key: (row.stock, row.name, row.active) for key, row in products.items()}
    catalogue.rename(products.values(), products_changed)
    moved = stock.take_and_restock(able, restocks, lines, products)
    save_all(
        [row for key, row in products.items() if (row.stock, row.name, row.active) != was[key]],
        ("stock", "name", "active"),
    )
    save_all(moved, ("taken",))
