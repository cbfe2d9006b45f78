"""Orders that come from the shop, from the admin or from a file."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from auditlog.services import Entry, record_all
from orders.changes import OrderChange, announce
from orders.models import Order, OrderLine, Product
from orders.services.causes import FromInbox
from orders.services.customers import Wanted, buyer, settle_customers
from orders.services.linking import Linked, existing_links, store_links
from orders.services.locking import lock_numbers
from orders.services.new_orders import BadOrder, NewLine, NewOrder, OrderExists, faults
from orders.services.payment_facts import naming, normalized_email, read_payments
from orders.services.settling import settle_orders

__all__ = ["BadOrder", "NewLine", "NewOrder", "OrderExists", "create_order", "insert_orders"]

# No letter that is read for another, or for a digit.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number() -> str:
    """A number for an order that nobody gave one: a random one, such as M-7KQ2-X94D-TB3F."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))
    return f"M-{'-'.join(groups)}"


def create_order(
    new: NewOrder, *, source: Order.Source, reason: str, now: datetime | None = None
) -> Order:
    """Make a pending order, audited; payments that named it before it was there are linked to it,
    and may move it at once. A SKU that the catalogue lacks is added to it, its stock not counted.

    Raises:
        OrderExists: the number is taken.
        BadOrder: something in it can't be.
    """
    check(new, reason)
    now = now or timezone.now()
    try:
        with transaction.atomic():
            lock_numbers([new.number])
            refuse_taken(new)
            (order,) = insert_orders([new], source, now)
            record_all([created(order, reason)])
            if not attach_waiting({order.number: order.pk}, reason.strip()):
                announce([OrderChange(None, order)])
            order.refresh_from_db()
    except IntegrityError:
        refuse_taken(new)  # by a file of orders, which holds no numbers
        raise
    return order


def refuse_taken(new: NewOrder) -> None:
    if Order.objects.filter(number=new.number).exists():
        raise OrderExists(f"there is an order {new.number} already")


def check(new: NewOrder, reason: str) -> None:
    """Raise BadOrder at the first thing that can't be."""
    for fault in faults(new):
        raise BadOrder(str(fault))
    if not reason.strip():
        raise BadOrder("say why the order is made")


def insert_orders(
    news: Sequence[NewOrder], source: Order.Source, now: datetime, *, buyers_locked: bool = False
) -> list[Order]:
    """The orders with their customers and lines, pending and not linked to any payment yet; a
    bounded number of statements. ``buyers_locked``: the caller holds every buyer."""
    customers = settle_customers([wanted_buyer(new, now) for new in news], {}, locked=buyers_locked)
    orders = Order.objects.bulk_create(
        Order(
            number=new.number,
            source=source,
            currency=new.currency,
            total_minor=new.total_minor,
            subtotal_minor=new.subtotal_minor,
            discount_minor=new.discount_minor,
            tax_minor=new.tax_minor,
            shipping_minor=new.shipping_minor,
            customer=customers.get(wanted_buyer(new, now).buyer),
            email=normalized_email(new.email),
            placed_at=new.placed_at or now,
            created_at=now,
        )
        for new in news
    )
    products = products_of([line for new in news for line in new.lines], now)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            product=products.get(line.sku),
            description=line.description,
            quantity=line.quantity,
            total_minor=line.total_minor,
        )
        for order, new in zip(orders, news, strict=True)
        for position, line in enumerate(new.lines, 1)
    )
    return orders


def created(order: Order, reason: str) -> Entry:
    """The audit log's entry for an order that was made."""
    return Entry(
        "order.created",
        order,
        reason=reason.strip(),
        after={
            "number": order.number,
            "source": str(order.source),
            "total_minor": order.total_minor,
            "currency": order.currency,
        },
    )


def wanted_buyer(new: NewOrder, now: datetime) -> Wanted:
    who = buyer(new.stripe_customer or None, normalized_email(new.email))
    return Wanted(who, new.placed_at or now, new.name)


def products_of(lines: Sequence[NewLine], now: datetime) -> dict[str, Product]:
    """The products by SKU, made where they are missing."""
    names = {line.sku: line.description or line.sku for line in reversed(lines) if line.sku}
    if not names:
        return {}
    found = {product.sku: product for product in Product.objects.filter(sku__in=names)}
    missing = sorted(names.keys() - found.keys())
    if missing:
        Product.objects.bulk_create(
            [Product(sku=sku, name=names[sku], created_at=now) for sku in missing],
            ignore_conflicts=True,
        )
        found |= {product.sku: product for product in Product.objects.filter(sku__in=missing)}
    return found


def attach_waiting(orders: Mapping[str, int], reason: str, new: bool = True) -> set[int]:
    """Link the payments that name ``orders`` (keys by number) and settle those; return their keys.

    The caller holds the numbers, so a payment that arrives now waits and sees the order. ``new``
    says that nobody was told of these orders yet.
    """
    named, sessions = naming(orders)
    if not (named or sessions):
        return set()
    wanted = {
        key: (orders[number], payment)
        for key, payment in read_payments(named, sessions).items()
        if payment.can_be_linked and (number := payment.names or payment.refers_to) in orders
    }
    payments = {key: payment for key, (_, payment) in wanted.items()}
    taken = existing_links(payments).orders
    links = store_links(
        {key: order_id for key, (order_id, _) in wanted.items() if key not in taken}, payments
    )
    ours = {key: order_id for key, order_id in links.items() if order_id == wanted[key][0]}
    if ours:
        settle_orders(
            Linked(orders=ours, new=set(ours.values()) if new else set()),
            payments,
            FromInbox(reason),
            products_changed={},
        )
    return set(ours.values())
