"""What changed about orders, and who wants to know (see ``payments.changes``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orders.models import Order


@dataclass(frozen=True)
class OrderChange:
    """An order before (None: it is new) and after."""

    before: Order | None
    after: Order


Handler = Callable[[Sequence[OrderChange]], None]
_handlers: list[Handler] = []


def on_change(handler: Handler) -> Handler:
    """Call ``handler`` with all orders that a service changed, inside the service's transaction."""
    if handler not in _handlers:
        _handlers.append(handler)
    return handler


def announce(changes: Sequence[OrderChange]) -> None:
    """Tell every handler, if anything changed."""
    if changes:
        for handler in _handlers:
            handler(changes)


@dataclass(frozen=True)
class Recognition:
    """Whom a guest is taken for, before and after (``Customer.same_as``): ids of customers."""

    guest: int
    before: int | None
    after: int | None


Recognized = Callable[[Sequence[Recognition]], None]
_recognized: list[Recognized] = []


def on_recognition(handler: Recognized) -> Recognized:
    """Call ``handler`` when another view is taken of who some guests are, in that transaction."""
    if handler not in _recognized:
        _recognized.append(handler)
    return handler


def announce_recognition(recognitions: Sequence[Recognition]) -> None:
    """Tell every handler, if there are any."""
    if recognitions:
        for handler in _recognized:
            handler(recognitions)
