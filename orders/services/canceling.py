"""Calling off an order that isn't paid: first its open payments at Stripe, then the order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orders.models import Order, OrderPayment
from orders.services.handling import ReasonMissing, cancel_order, locked
from orders.services.payment_facts import naming, read_payments
from orders.services.transitions import IllegalTransition
from orders.states import OrderStatus
from payments.closing import OVER, close_payments


class PaymentOpen(ValueError):
    """Somebody began to pay while the order was being called off."""


@dataclass(frozen=True)
class OpenPayments:
    """Stripe's ids of what could still be paid for an order."""

    sessions: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sessions or self.intents)


def open_payments(order: Order) -> OpenPayments:
    """The order's intents that neither succeeded nor were canceled and its open sessions, as far
    as Stripe has told of them: it has no event for a session that was only opened."""
    linked = set(order.payments.values_list("payment", flat=True))
    named, session_ids = naming([order.number])
    others = OrderPayment.objects.filter(payment__in=named).exclude(order=order)
    elsewhere = set(others.values_list("payment", flat=True))
    payments = [
        payment
        for key, payment in read_payments(linked | named, session_ids).items()
        if key in linked
        or (key not in elsewhere and (payment.names or payment.refers_to) == order.number)
    ]
    return OpenPayments(
        sessions=tuple(
            sorted(s.pk for payment in payments for s in payment.sessions if s.status == "open")
        ),
        intents=tuple(
            sorted(p.intent.pk for p in payments if p.intent and p.intent.status not in OVER)
        ),
    )


def call_off(order_id: int, *, reason: str, now: datetime | None = None) -> Order:
    """Cancel what is open of the order's payments at Stripe, then the order; return it.

    Where Stripe doesn't agree, the order stays as it is, and the same again goes on from there.
    Not to be called within a transaction.

    Raises:
        IllegalTransition: it is paid, fulfilled or canceled.
        payments.closing.ClosingError: Stripe didn't close a payment.
        payments.client.NotConfigured: a payment is open, and there is no key to close it with.
        PaymentOpen: another payment was begun meanwhile.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    order = Order.objects.get(pk=order_id)
    if order.status != OrderStatus.PENDING:
        raise IllegalTransition(order, OrderStatus.CANCELED)
    closed = open_payments(order)
    if closed:
        close_payments(sessions=closed.sessions, intents=closed.intents)
    with transaction.atomic():
        left = open_payments(locked(order_id))
        # What was just closed may still be on its way through the inbox.
        new = {*left.sessions, *left.intents} - {*closed.sessions, *closed.intents}
        if new:
            raise PaymentOpen(f"{', '.join(sorted(new))} was begun meanwhile: try again")
        return cancel_order(order_id, reason=reason, now=now)
