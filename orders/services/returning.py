"""Goods that come back: into stock when their refund succeeds, or when a person says so later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from auditlog.services import Entry, record, record_all
from orders.models import Order, OrderLine, Product, RefundedLine
from orders.refunds import returnable_lines
from orders.services.handling import ReasonMissing, locked
from orders.services.locking import lock_products
from orders.services.stock import LARGEST_STOCK
from orders.services.storing import save_all
from orders.states import OrderStatus, RefundStatus


class RestockImpossible(ValueError):
    """Those units can't go back into stock; the message says why."""


def lines_to_restock(refund_ids: Collection[str]) -> list[RefundedLine]:
    """What is to go back into stock because these refunds succeeded; one statement, or none."""
    if not refund_ids:
        return []
    return list(
        RefundedLine.objects.filter(
            request__refund__in=list(refund_ids), restock=True, restocked_at__isnull=True
        )
        .select_related("request", "line")
        .order_by("pk")
    )


def restock_refunded(
    refunded: Sequence[RefundedLine],
    lines: Mapping[int, OrderLine],
    orders: Mapping[int, Order],
    products: Mapping[int, Product],
    now: datetime,
) -> list[OrderLine]:
    """Put back what succeeded refunds were for, once, audited; return the lines that changed.

    ``lines`` by id. The caller has locked orders and products, and writes them and the lines. Never
    more goes back than a line still has.
    """
    moved: dict[int, OrderLine] = {}
    told: dict[int, list[dict[str, object]]] = defaultdict(list)
    for row in refunded:
        line = lines[row.line_id]
        row.restocked, row.restocked_at = put_back(line, row.quantity, products), now
        if row.restocked:
            moved[line.pk] = line
        told[line.order_id].append(
            {
                "line": line.pk,
                "description": line.description,
                "quantity": row.restocked,
                "refund": row.request.refund_id,
            }
        )
    save_all(refunded, ("restocked", "restocked_at"))
    record_all(
        Entry("order.restocked", orders[order_id], after={"lines": rows})
        for order_id, rows in told.items()
    )
    return list(moved.values())


def put_back(line: OrderLine, quantity: int, products: Mapping[int, Product]) -> int:
    """Give units of a line back to its product's stock; how many it had to give."""
    quantity = min(quantity, line.taken)
    product = products[line.product_id] if line.product_id is not None else None
    if product is not None and product.stock is not None:
        product.stock = min(product.stock + quantity, LARGEST_STOCK)
    line.taken -= quantity
    line.returned += quantity
    return quantity


def restock_returned(
    order_id: int,
    quantities: Mapping[int, int],
    *,
    seen: Mapping[int, int],
    reason: str,
) -> Order:
    """Put units of a fulfilled and refunded order's lines (by id) back into stock, audited: goods
    that came back after their refund was made.

    ``seen`` is what each of these lines had from stock when the decision was made: if that has
    changed, by the same form sent twice for one, nothing is done.

    Raises:
        RestockImpossible: the order isn't such a one, or a line has fewer units to give back.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        if not can_restock(order):
            raise RestockImpossible(f"order {order.number} isn't fulfilled and refunded")
        able = {row.line.pk: row for row in returnable_lines(order)}
        wanted = {key: quantity for key, quantity in quantities.items() if quantity}
        if not wanted:
            raise RestockImpossible("say how many units came back")
        for key, quantity in wanted.items():
            row = able.get(key)
            if row is None:
                raise RestockImpossible(f"there is no such line in order {order.number}")
            if row.line.taken != seen.get(key):
                raise RestockImpossible(
                    f"{row.line.description or 'a line'} has changed meanwhile: it has "
                    f"{row.line.taken} from stock now"
                )
            if not 0 < quantity <= row.restockable:
                raise RestockImpossible(
                    f"{quantity} of {row.line.description or 'a line'} can't go back into stock: "
                    f"{row.restockable} came from it"
                )
        lines = [able[key].line for key in sorted(wanted)]
        products = lock_products(product_ids(lines))
        before = {line.pk: line.taken for line in lines}
        for line in lines:
            put_back(line, wanted[line.pk], products)
        save_all(lines, ("taken", "returned"))
        save_all(list(products.values()), ("stock",))
        record(
            "order.restocked",
            order,
            reason=reason.strip(),
            before={"taken": {str(line.pk): before[line.pk] for line in lines}},
            after={
                "lines": [
                    {
                        "line": line.pk,
                        "description": line.description,
                        "quantity": wanted[line.pk],
                    }
                    for line in lines
                ]
            },
        )
    return order


def can_restock(order: Order) -> bool:
    """Whether goods of the order may have come back: it was sent, and money was given back."""
    return order.status == OrderStatus.FULFILLED and order.refund_status != RefundStatus.NONE


def product_ids(lines: Iterable[OrderLine]) -> set[int]:
    return {line.product_id for line in lines if line.product_id is not None}
