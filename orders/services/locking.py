"""The locks that orders are changed under, in one order for everybody, so that nobody deadlocks:
charges (``payments.refund_requests.lock_charges``; a batch has written them before it comes to
orders), then payments, then numbers, then every buyer or else Stripe's customers and then buyers'
addresses, then orders by id, then Stripe's products, then products by id.

A transaction may skip a kind but never goes back to an earlier one, and takes all that it needs of
a kind at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from orders.models import Order, Product
from payments.locks import lock_keys


def lock_payments(keys: Iterable[str]) -> None:
    """Hold these payments (by ``Charge.payment``, or a session's id) until the transaction ends.

    Objects of one payment may come in two batches at once, each blind to the other's rows. The
    second to get here sees what the first one committed.
    """
    lock_keys(f"orders.payment:{key}" for key in keys)


def lock_numbers(numbers: Iterable[str]) -> None:
    """Hold these order numbers, used or not, until the transaction ends.

    It keeps the making of an order and the arrival of a payment that names it from missing each
    other.
    """
    lock_keys(f"orders.number:{number}" for number in numbers)


EVERY_BUYER = "orders.buyers"


def lock_every_buyer() -> None:
    """Hold all of Stripe's customers and all addresses, used or not: for a file of orders, which
    may have more of them than there is room for locks. Waits for whoever holds one."""
    lock_keys([EVERY_BUYER])


def lock_customers(stripe_ids: Iterable[str]) -> None:
    """Hold these of Stripe's customers: one of ours made now has the name that Stripe's has now."""
    lock_keys((f"orders.customer:{key}" for key in stripe_ids), of=EVERY_BUYER)


def lock_addresses(emails: Iterable[str]) -> None:
    """Hold these addresses of buyers: who has them is being changed."""
    lock_keys((f"orders.address:{email}" for email in emails), of=EVERY_BUYER)


def lock_catalogue(stripe_ids: Iterable[str]) -> None:
    """Hold these of Stripe's products, for the same reason; before ``lock_products``."""
    lock_keys(f"orders.product:{key}" for key in stripe_ids)


def lock_orders(ids: Iterable[int]) -> dict[int, Order]:
    """The orders as they are now, by id, locked until the transaction ends.

    The lock is the one that an update takes, so that rows pointing to the order can be inserted.
    """
    rows = Order.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk")
    return {order.pk: order for order in rows}


def lock_products(ids: Iterable[int]) -> dict[int, Product]:
    """The products as they are now, by id, locked until the transaction ends. After the orders."""
    rows = Product.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk")
    return {product.pk: product for product in rows}
