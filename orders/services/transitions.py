"""The only way in which an order's status changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from auditlog.services import Entry, record_all
from orders.models import Order, OrderTransition
from orders.services.storing import save_orders
from orders.states import ALLOWED, OrderStatus

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# The time that goes with each status.
TIMES = {
    OrderStatus.PAID: "paid_at",
    OrderStatus.FULFILLED: "fulfilled_at",
    OrderStatus.CANCELED: "canceled_at",
}


class IllegalTransition(ValueError):
    """The order can't go there from where it is (``orders.states.ALLOWED``)."""

    def __init__(self, order: Order, to: str) -> None:
        super().__init__(f"order {order.number} is {order.status} and can't become {to}")
        self.order = order
        self.to = to


@dataclass(frozen=True)
class Move:
    """An order is to go to a status. The cause is a Stripe event, or somebody with a reason."""

    order: Order
    to: OrderStatus
    at: datetime
    event_id: int | None = None
    actor: User | None = None
    reason: str = ""


def move_all(moves: Sequence[Move]) -> None:
    """Make the moves of orders that the caller has locked; an order may make several, one by one.

    Writes all columns of these orders, their transitions and their audit rows, with a number of
    statements that depends on the longest chain of moves and not on how many orders there are.

    Raises:
        IllegalTransition: one of the moves isn't allowed; nothing is written.
    """
    check(moves)
    transitions: list[OrderTransition] = []
    entries: list[Entry] = []
    now = timezone.now()
    # The database checks each step by itself, so an order's second step is a second update.
    for step in steps(moves):
        for move in step:
            order, before = move.order, move.order.status
            transitions.append(
                OrderTransition(
                    order=order,
                    from_status=before,
                    to_status=move.to,
                    at=move.at,
                    recorded_at=now,
                    event_id=move.event_id,
                    actor=move.actor,
                    reason=move.reason,
                )
            )
            entries.append(
                Entry(
                    action=f"order.{move.to.value}",
                    target=order,
                    reason=move.reason,
                    before={"status": before},
                    after={
                        "status": move.to.value,
                        "at": move.at.isoformat(),
                        "captured_minor": order.captured_minor,
                        "refunded_minor": order.refunded_minor,
                        "currency": order.currency,
                        "event": move.event_id,
                        **tracking(order),
                    },
                )
            )
            order.status = move.to
            setattr(order, TIMES[move.to], move.at)
        save_orders([move.order for move in step])
    OrderTransition.objects.bulk_create(transitions)
    if entries:
        record_all(entries)


def tracking(order: Order) -> dict[str, str]:
    """Who carries the order and under which number, where that is known."""
    values = {"carrier": order.carrier, "tracking_number": order.tracking_number}
    return {name: value for name, value in values.items() if value}


def check(moves: Sequence[Move]) -> None:
    """Raise IllegalTransition at the first move that isn't allowed."""
    status: dict[int, str] = {}
    for move in moves:
        current = status.get(move.order.pk, move.order.status)
        if move.to not in ALLOWED[OrderStatus(current)]:
            raise IllegalTransition(move.order, move.to)
        status[move.order.pk] = move.to


def steps(moves: Sequence[Move]) -> list[list[Move]]:
    """The moves such that no order is twice in one step, each order's in their order."""
    result: list[list[Move]] = []
    depth: dict[int, int] = {}
    for move in moves:
        level = depth.get(move.order.pk, 0)
        depth[move.order.pk] = level + 1
        if level == len(result):
            result.append([])
        result[level].append(move)
    return result
