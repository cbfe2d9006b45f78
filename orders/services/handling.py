"""What people do to an order: fulfil it, cancel it, note something."""

from __future__ import annotations

import copy
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import record
from orders.changes import OrderChange, announce
from orders.models import Order, OrderNote
from orders.services.locking import lock_orders
from orders.services.tracking import NO_TRACKING, Tracking
from orders.services.transitions import IllegalTransition, Move, move_all
from orders.states import PEOPLE_MAY, OrderStatus


class ReasonMissing(ValueError):
    """Whoever acts on an order says why."""


def fulfil_order(
    order_id: int,
    *,
    reason: str,
    tracking: Tracking = NO_TRACKING,
    now: datetime | None = None,
) -> Order:
    """Mark a paid order as fulfilled, carried under that number; return it.

    Raises:
        IllegalTransition: it isn't paid.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    return act(order_id, OrderStatus.FULFILLED, reason, now, tracking)


def cancel_order(order_id: int, *, reason: str, now: datetime | None = None) -> Order:
    """Cancel an order that isn't paid; return it. One that is paid is canceled by refunding it.

    Raises:
        IllegalTransition: it is paid, fulfilled or canceled.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    return act(order_id, OrderStatus.CANCELED, reason, now)


def add_note(order_id: int, *, text: str, request: UUID) -> OrderNote:
    """Note something about an order, audited; return the note. ``request`` names the wish: under
    the same name the order gets one note.

    Raises:
        ReasonMissing: the text is empty.
        Order.DoesNotExist: there is no such order.
    """
    if not text.strip():
        raise ReasonMissing("a note says something")
    with transaction.atomic():
        order = locked(order_id)
        note, made = OrderNote.objects.get_or_create(
            order=order,
            request=request,
            defaults={
                "at": timezone.now(),
                "actor": current_actor().user,
                "text": text.strip(),
            },
        )
        if made:
            record("order.noted", order, after={"note": note.pk})
    return note


def act(
    order_id: int,
    to: OrderStatus,
    reason: str,
    now: datetime | None,
    tracking: Tracking = NO_TRACKING,
) -> Order:
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        if to not in PEOPLE_MAY[OrderStatus(order.status)]:
            raise IllegalTransition(order, to)
        before = copy.copy(order)
        order.carrier, order.tracking_number = tracking.carrier, tracking.number
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
