"""Payments that belong to no order, attached to one by a person who knows which."""

from __future__ import annotations

from django.db import transaction

from auditlog.services import record
from orders.models import Order, WaitingPayment
from orders.services.causes import FromInbox
from orders.services.handling import ReasonMissing
from orders.services.linking import existing_links, store_links
from orders.services.locking import lock_payments
from orders.services.payment_facts import invoiced, read_payments
from orders.services.settling import settle_orders


class AttachImpossible(ValueError):
    """That payment can't become that order's; the message says why. Nothing was changed."""


def attach_payment(payment: str, number: str, *, reason: str) -> Order:
    """Make a payment (its intent's id, or a bare charge's) one of the order ``number``'s, audited;
    return the order as it is then: what was captured may have paid it.

    Raises:
        AttachImpossible: there is no such payment or order, the payment is another order's or an
            invoice's, or it is in another currency than the order.
        ReasonMissing: no reason was given.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("say why")
    with transaction.atomic():
        lock_payments([payment])
        facts = read_payments([payment])
        if payment not in facts or not facts[payment].can_be_linked:
            raise AttachImpossible(f"there is no payment {payment}")
        order = Order.objects.filter(number=number.strip()).first()
        if order is None:
            raise AttachImpossible(f"there is no order {number.strip()}")
        linked = existing_links(facts)
        if linked.orders:
            owner = Order.objects.get(pk=linked.orders[payment])
            raise AttachImpossible(f"{payment} belongs to order {owner.number} already")
        if invoiced(facts.values()):
            raise AttachImpossible(f"{payment} paid an invoice, and belongs to its subscription")
        currencies = {charge.currency for charge in facts[payment].charges}
        if currencies - {order.currency}:
            theirs = ", ".join(sorted(currencies)).upper()
            raise AttachImpossible(
                f"{payment} is in {theirs}, order {order.number} in {order.currency.upper()}"
            )
        linked.orders = store_links({payment: order.pk}, facts)
        WaitingPayment.objects.filter(payment=payment).delete()
        settle_orders(linked, facts, FromInbox(reason=reason), products_changed={})
        record("order.payment_attached", order, reason=reason, after={"payment": payment})
        order.refresh_from_db()
        return order
