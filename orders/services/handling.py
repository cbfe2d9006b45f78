"""What people do to an order: fulfil it, cancel it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from orders.changes import OrderChange, announce
from orders.models import Order
from orders.services.locking import lock_orders
from orders.services.transitions import IllegalTransition, Move, move_all
from orders.states import PEOPLE_MAY, OrderStatus


class ReasonMissing(ValueError):
    """Whoever acts on an order says why."""


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
        if to not in PEOPLE_MAY[OrderStatus(order.status)]:
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
