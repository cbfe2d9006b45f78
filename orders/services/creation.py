"""Orders that come from the shop, from the admin or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.services import record
from orders.changes import OrderChange, announce
from orders.models import Customer, Order, OrderLine, Product
from orders.services.causes import FromInbox
from orders.services.customers import Wanted, buyer, settle_customers
from orders.services.linking import Linked, existing_links, store_links
from orders.services.locking import lock_numbers
from orders.services.payment_facts import LONGEST_NUMBER, naming, normalized_email, read_payments
from orders.services.settling import settle_orders
from payments.money import CURRENCY

LARGEST_AMOUNT = 10**15
LARGEST_QUANTITY = 10**6


class BadOrder(ValueError):
    """Not an order that can be made; the message says why."""


class OrderExists(BadOrder):
    """There is an order with that number already."""


@dataclass(frozen=True)
class NewLine:
    """A line to be: ``sku`` empty where no product of the catalogue is sold; the total in minor
    units of the order's currency, after discounts, tax included."""

    description: str
    quantity: int
    total_minor: int
    sku: str = ""


@dataclass(frozen=True)
class NewOrder:
    """An order to be, amounts in minor units; what isn't known is None, which isn't 0."""

    number: str
    currency: str
    total_minor: int
    lines: Sequence[NewLine] = ()
    email: str = ""
    name: str = ""
    stripe_customer: str = ""
    placed_at: datetime | None = None
    subtotal_minor: int | None = None
    discount_minor: int | None = None
    tax_minor: int | None = None
    shipping_minor: int | None = None


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
    with transaction.atomic():
        lock_numbers([new.number])
        if Order.objects.filter(number=new.number).exists():
            raise OrderExists(f"there is an order {new.number} already")
        order = insert(new, source, now)
        record(
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
        if not attach_waiting(order, reason.strip()):
            announce([OrderChange(None, order)])
        order.refresh_from_db()
    return order


def check(new: NewOrder, reason: str) -> None:
    """Raise BadOrder at the first thing that can't be."""
    if not new.number.strip() or len(new.number) > LONGEST_NUMBER or "\0" in new.number:
        raise BadOrder(f"an order's number has 1 to {LONGEST_NUMBER} characters")
    if not CURRENCY.fullmatch(new.currency):
        raise BadOrder(f"{new.currency!r} is not a currency in Stripe's form, such as usd")
    if not 0 <= new.total_minor <= LARGEST_AMOUNT:
        raise BadOrder(f"a total of {new.total_minor} can't be")
    if not reason.strip():
        raise BadOrder("say why the order is made")
    if new.email.strip() and not normalized_email(new.email):
        raise BadOrder(f"{new.email[:60]!r} is not an e-mail address")
    for position, line in enumerate(new.lines, 1):
        if not 1 <= line.quantity <= LARGEST_QUANTITY:
            raise BadOrder(f"line {position}: a quantity of {line.quantity} can't be")
        if abs(line.total_minor) > LARGEST_AMOUNT:
            raise BadOrder(f"line {position}: a total of {line.total_minor} can't be")


def insert(new: NewOrder, source: Order.Source, now: datetime) -> Order:
    """The order with its customer and lines, not linked to any payment yet."""
    placed_at = new.placed_at or now
    order = Order.objects.create(
        number=new.number,
        source=source,
        currency=new.currency,
        total_minor=new.total_minor,
        subtotal_minor=new.subtotal_minor,
        discount_minor=new.discount_minor,
        tax_minor=new.tax_minor,
        shipping_minor=new.shipping_minor,
        customer=customer_of(new, placed_at),
        email=normalized_email(new.email),
        placed_at=placed_at,
        created_at=now,
    )
    products = products_of(new.lines, now)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            product=products.get(line.sku),
            description=line.description,
            quantity=line.quantity,
            total_minor=line.total_minor,
        )
        for position, line in enumerate(new.lines, 1)
    )
    return order


def customer_of(new: NewOrder, since: datetime) -> Customer | None:
    who = buyer(new.stripe_customer or None, normalized_email(new.email))
    return settle_customers([Wanted(who, since, new.name)], {}).get(who) if who else None


def products_of(lines: Sequence[NewLine], now: datetime) -> dict[str, Product]:
    """The products by SKU, made where they are missing."""
    names = {line.sku: line.description or line.sku for line in reversed(lines) if line.sku}
    if not names:
        return {}
    Product.objects.bulk_create(
        [Product(sku=sku, name=names[sku], created_at=now) for sku in sorted(names)],
        ignore_conflicts=True,
    )
    return {product.sku: product for product in Product.objects.filter(sku__in=names)}


def attach_waiting(order: Order, reason: str) -> bool:
    """Link the payments that name ``order`` and settle it; False when there are none.

    The caller holds the order's number, so a payment that arrives now waits and sees the order.
    """
    payments = {
        key: payment
        for key, payment in read_payments(*naming(order.number)).items()
        if payment.can_be_linked and (payment.names or payment.refers_to) == order.number
    }
    taken = existing_links(payments).orders
    links = store_links({key: order.pk for key in payments if key not in taken}, payments)
    ours = {key: order_id for key, order_id in links.items() if order_id == order.pk}
    if not ours:
        return False
    settle_orders(
        Linked(orders=ours, new={order.pk}), payments, FromInbox(reason), products_changed={}
    )
    return True
