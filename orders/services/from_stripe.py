"""Orders made from Stripe: what they say is what the mirror says, however late it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from orders.models import Customer, Order, OrderLine, Product
from orders.services.catalogue import get_or_create_products
from orders.services.customers import Buyer, Wanted, buyer
from orders.services.payment_facts import Payment
from payments.models import CheckoutSession


@dataclass(frozen=True)
class Terms:
    """What was agreed, in minor units of ``currency``; what nobody said is None."""

    currency: str
    total: int
    placed_at: datetime
    subtotal: int | None = None
    discount: int | None = None
    tax: int | None = None
    shipping: int | None = None


def terms(payment: Payment) -> Terms | None:
    """The terms of an order made from ``payment``; None while too little is known.

    Currency and time are the intent's, the amounts its session's; without a session the total is
    what the intent received, for to capture less than was authorised is to sell for less.
    """
    intent, charge, session = payment.intent, payment.charge, payment.session
    if intent:
        currency, placed_at = intent.currency, intent.created or intent.as_of
        total = intent.amount_received or intent.amount
    elif session and session.currency:
        currency, placed_at = session.currency, session.created or session.as_of
        total = session.amount_total or 0
    elif charge:
        currency, placed_at = charge.currency, charge.created or charge.as_of
        total = charge.amount_captured or charge.amount
    else:
        return None
    if session and session.currency == currency:
        return Terms(
            currency=currency,
            total=max(total if session.amount_total is None else session.amount_total, 0),
            placed_at=placed_at,
            subtotal=session.amount_subtotal,
            discount=session.amount_discount,
            tax=session.amount_tax,
            shipping=session.amount_shipping,
        )
    return Terms(currency=currency, total=max(total, 0), placed_at=placed_at)


def required_minor(order: Order, payment: Payment | None) -> int:
    """How much must be captured for ``order`` to be paid.

    Its total; but an order made from Stripe (``payment`` made it) is paid with what its intent
    received once that has succeeded, be it less than the session asked for.
    """
    intent = payment.intent if payment else None
    if intent and intent.succeeded_at and 0 < intent.amount_received < order.total_minor:
        return intent.amount_received
    return order.total_minor


def wanted_customer(payment: Payment) -> Wanted:
    """Who to find or make as the buyer of an order made from ``payment``."""
    known = terms(payment)
    session = payment.session
    return Wanted(
        buyer(payment.stripe_customer, payment.email),
        since=known.placed_at if known else payment.observed_at,
        name=session.name if session else "",
    )


def insert_orders(
    payments: Iterable[Payment], customers: Mapping[Buyer, Customer]
) -> dict[str, int]:
    """Make pending orders of the payments; return their keys by payment. Two statements.

    An order that is there already is returned as well. A number that somebody else's order has
    makes none: the payment stays without an order, and shows as such.
    """
    new: list[Order] = []
    now = timezone.now()
    for payment in sorted(payments, key=lambda payment: payment.key):
        if terms(payment) is None:
            continue
        order = Order(number=payment.key, source=Order.Source.STRIPE, created_at=now)
        if payment.needs_no_money:
            order.checkout_session_id = payment.key
        elif payment.intent or any(charge.payment_intent_id for charge in payment.charges):
            order.payment_intent_id = payment.key
        elif payment.session:
            order.payment_intent_id = payment.session.payment_intent_id
        describe(order, payment, customers)
        new.append(order)
    if not new:
        return {}
    Order.objects.bulk_create(new, ignore_conflicts=True)
    rows = Order.objects.filter(
        number__in=[order.number for order in new], source=Order.Source.STRIPE
    ).order_by()
    return dict(rows.values_list("number", "pk"))


def describe(order: Order, payment: Payment, customers: Mapping[Buyer, Customer]) -> None:
    """Set on ``order`` all that the payment it was made from says of it."""
    known = terms(payment)
    if known is None:
        return
    order.currency, order.total_minor = known.currency, known.total
    order.subtotal_minor, order.discount_minor = known.subtotal, known.discount
    order.tax_minor, order.shipping_minor = known.tax, known.shipping
    order.placed_at = known.placed_at
    order.email = payment.email
    order.customer = customers.get(buyer(payment.stripe_customer, payment.email))


def lines_of(
    sessions: Mapping[int, CheckoutSession], changed_products: Iterable[str]
) -> list[OrderLine]:
    """New lines (not inserted) of the orders whose sessions list them, their products made where
    they are missing. ``changed_products`` are held with them."""
    items = [
        (order_id, position, item)
        for order_id, session in sorted(sessions.items())
        for position, item in enumerate(session.line_items or (), 1)
    ]
    names = {
        item["product"]: item["description"] for _, _, item in reversed(items) if item["product"]
    }
    products: Mapping[str, Product] = get_or_create_products(names, list(changed_products))
    return [
        OrderLine(
            order_id=order_id,
            position=position,
            product=products.get(item["product"]) if item["product"] else None,
            description=item["description"],
            quantity=max(item["quantity"], 1),
            total_minor=item["amount_total"],
        )
        for order_id, position, item in items
    ]
