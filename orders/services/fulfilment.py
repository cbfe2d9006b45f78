"""Many orders that were sent or handed over, and what was said wrongly about one."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import record
from orders.changes import OrderChange, announce
from orders.models import Order
from orders.services.handling import ReasonMissing, locked
from orders.services.locking import lock_orders
from orders.services.tracking import NO_TRACKING, BadTracking, Tracking
from orders.services.transitions import Move, move_all
from orders.states import ALLOWED, OrderStatus

BATCH = 1000


@dataclass(frozen=True)
class Shipment:
    """An order by its number, and how it was sent; ``line`` is where in a file that was said."""

    number: str
    tracking: Tracking = NO_TRACKING
    line: int = 0


@dataclass(frozen=True)
class Fulfilled:
    """What became of a shipment: ``refusal`` says why it was skipped, empty where it wasn't."""

    shipment: Shipment
    order: Order | None = None
    refusal: str = ""


def fulfil_many(
    shipments: Sequence[Shipment],
    *,
    reason: str,
    dry_run: bool = False,
    now: datetime | None = None,
) -> list[Fulfilled]:
    """Mark the orders of ``shipments`` as fulfilled, and say what became of each, in their order.

    What can't be fulfilled is skipped, so the same again does nothing; ``dry_run`` only says what
    would be. A thousand orders a transaction, each with the same few statements.

    Raises:
        ReasonMissing: no reason was given.
    """
    if not reason.strip() and not dry_run:
        raise ReasonMissing("say why")
    refusals = repeated(shipments)
    results = {index: Fulfilled(shipments[index], refusal=why) for index, why in refusals.items()}
    wanted = [index for index in range(len(shipments)) if index not in refusals]
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        chosen = [shipments[index] for index in batch]
        done = look(chosen) if dry_run else fulfil_batch(chosen, reason.strip(), now)
        results.update(zip(batch, done, strict=True))
    return [results[index] for index in range(len(shipments))]


def repeated(shipments: Sequence[Shipment]) -> dict[int, str]:
    """Why some, by their place, aren't done: an order that is said twice is done once, and one of
    which two different things are said isn't done at all."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, shipment in enumerate(shipments):
        places[shipment.number].append(index)
    refusals: dict[int, str] = {}
    for several in places.values():
        first = shipments[several[0]]
        if any(shipments[index].tracking != first.tracking for index in several):
            lines = " and ".join(str(shipments[index].line) for index in several)
            refusals |= dict.fromkeys(several, f"lines {lines} say different things of it")
        else:
            refusals |= dict.fromkeys(several[1:], f"is said in line {first.line} already")
    return refusals


def fulfil_batch(
    shipments: Sequence[Shipment], reason: str, now: datetime | None
) -> list[Fulfilled]:
    actor, now = current_actor().user, now or timezone.now()
    with transaction.atomic():
        numbers = [shipment.number for shipment in shipments]
        ids = Order.objects.filter(number__in=numbers).order_by().values_list("pk", flat=True)
        orders = {order.number: order for order in lock_orders(ids).values()}
        results = [judged(shipment, orders.get(shipment.number)) for shipment in shipments]
        moves, changes = [], []
        for result in results:
            if result.order is not None and not result.refusal:
                order, before = result.order, copy.copy(result.order)
                order.carrier = result.shipment.tracking.carrier
                order.tracking_number = result.shipment.tracking.number
                moves.append(Move(order, OrderStatus.FULFILLED, now, actor=actor, reason=reason))
                changes.append(OrderChange(before, order))
        move_all(moves)
        announce(changes)
    return results


def look(shipments: Sequence[Shipment]) -> list[Fulfilled]:
    numbers = [shipment.number for shipment in shipments]
    orders = {order.number: order for order in Order.objects.filter(number__in=numbers).order_by()}
    return [judged(shipment, orders.get(shipment.number)) for shipment in shipments]


def judged(shipment: Shipment, order: Order | None) -> Fulfilled:
    """Whether the order, as it is now, can be fulfilled so."""
    if order is None:
        return Fulfilled(shipment, refusal="there is no such order")
    if OrderStatus.FULFILLED in ALLOWED[OrderStatus(order.status)]:
        return Fulfilled(shipment, order)
    if order.status != OrderStatus.FULFILLED:
        unpaid = ", not paid" if order.status == OrderStatus.PENDING else ""
        return Fulfilled(shipment, order, f"is {order.status}{unpaid}")
    known = tracking_of(order)
    if shipment.tracking in (known, NO_TRACKING):
        return Fulfilled(shipment, order, "is fulfilled already")
    return Fulfilled(
        shipment, order, f"is fulfilled already, with {known}: correct that on its page"
    )


def tracking_of(order: Order) -> Tracking:
    return Tracking(order.carrier, order.tracking_number)


def correct_tracking(order_id: int, tracking: Tracking, *, reason: str) -> Order:
    """Replace carrier and tracking number of a fulfilled order, audited; return it.

    Raises:
        BadTracking: it isn't fulfilled, or that is what is known already.
        ReasonMissing: no reason was given.
        Order.DoesNotExist: there is no such order.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        if order.status != OrderStatus.FULFILLED:
            raise BadTracking(f"order {order.number} is {order.status}: nothing of it was sent")
        before = copy.copy(order)
        if tracking_of(order) == tracking:
            raise BadTracking("that is what is known already")
        order.carrier, order.tracking_number = tracking.carrier, tracking.number
        order.save(update_fields=["carrier", "tracking_number"])
        record(
            "order.tracking",
            order,
            reason=reason.strip(),
            before=asdict(tracking_of(before)),
            after=asdict(tracking),
        )
        announce([OrderChange(before, order)])
    return order
