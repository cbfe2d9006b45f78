"""What people do to an order: fulfil it, cancel it, have it refunded."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import record
from orders.changes import OrderChange, announce
from orders.models import Order
from orders.selectors import RefundableCharge, refundable_charges
from orders.services.locking import lock_orders
from orders.services.transitions import IllegalTransition, Move, move_all
from orders.states import OrderStatus
from payments.money import format_money
from payments.refunds import ask_refund


class ReasonMissing(ValueError):
    """Whoever acts on an order says why."""


class RefundImpossible(ValueError):
    """Stripe needn't be asked for that refund; the message says why."""


def fulfil_order(order_id: int, *, reason: str, now: datetime | None = None) -> Order:
    """Mark a paid order as fulfilled; return it.

    Raises:
        IllegalTransition: it isn't paid.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    return act(order_id, OrderStatus.FULFILLED, reason, now)


def cancel_order(order_id: int, *, reason: str, now: datetime | None = None) -> Order:
    """Cancel an order that isn't paid; return it. One that is paid is canceled by refunding it.

    Raises:
        IllegalTransition: it is paid, fulfilled or canceled.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    return act(order_id, OrderStatus.CANCELED, reason, now)


def act(order_id: int, to: OrderStatus, reason: str, now: datetime | None) -> Order:
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        if to == OrderStatus.CANCELED and order.status != OrderStatus.PENDING:
            raise IllegalTransition(order, to)
        before = Order.objects.get(pk=order_id)
        move = Move(
            order, to, at=now or timezone.now(), actor=current_actor().user, reason=reason.strip()
        )
        move_all([move])
        announce([OrderChange(before, order)])
    return order


def locked(order_id: int) -> Order:
    order = lock_orders([order_id]).get(order_id)
    if order is None:
        raise Order.DoesNotExist(f"there is no order {order_id}")
    return order


def refund_order(
    order_id: int, *, charge_id: str, amount: int, reason: str, request: str
) -> RefundableCharge:
    """Ask Stripe to refund ``amount`` (minor units) of one of the order's charges.

    The order changes when Stripe says that the refund succeeded, not before. ``request`` names the
    wish: the same name asks for the same refund. Not to be called within a transaction.

    Raises:
        RefundImpossible: the charge isn't this order's, or has less left than that.
        ReasonMissing: no reason was given.
        payments.refunds.RefundError: what Stripe answered.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        charge = check_refund(order, charge_id, amount)
        record(
            "order.refund_asked",
            order,
            reason=reason.strip(),
            after={
                "charge": charge_id,
                "amount": amount,
                "currency": charge.currency,
                "request": request,
            },
        )
    ask_refund(charge_id=charge_id, amount=amount, reason=reason.strip(), request=request)
    return charge


def check_refund(order: Order, charge_id: str, amount: int) -> RefundableCharge:
    """The charge to refund, if that much of it is left; else raises RefundImpossible."""
    charges = {charge.charge_id: charge for charge in refundable_charges(order)}
    charge = charges.get(charge_id)
    if charge is None:
        raise RefundImpossible(f"nothing of {charge_id} is left to refund for order {order.number}")
    if not 0 < amount <= charge.left:
        raise RefundImpossible(
            f"{format_money(amount, charge.currency)} can't be refunded: "
            f"{format_money(charge.left, charge.currency)} of {charge_id} is left"
        )
    return charge
