"""What is wrong with an order, in a word: flags, computed when they are asked for.

Orders know two of them; an app to the right registers its own in its ``AppConfig.ready()``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db.models import Q, TextField, Value

from orders.models import Order, OrderPayment
from payments.models import Charge, Dispute


@dataclass(frozen=True)
class Flag:
    """``name`` is kept in addresses; ``mark`` stands before ``label`` so that it isn't colour
    alone that alarms. ``condition`` says which orders have it, in a way that an index answers."""

    name: str
    label: str
    mark: str
    meaning: str
    condition: Callable[[], Q]


_flags: dict[str, Flag] = {}


def register(flag: Flag) -> Flag:
    """Have the pages of orders show this flag, and filter by it.

    Raises:
        ValueError: another flag has that name.
    """
    if _flags.setdefault(flag.name, flag) is not flag:
        raise ValueError(f"there is a flag {flag.name} already")
    return flag


def all_flags() -> list[Flag]:
    """Every registered flag, as registered."""
    return list(_flags.values())


def get(name: str) -> Flag | None:
    """The flag of that name, or None."""
    return _flags.get(name)


def flags_of(order_ids: Collection[int]) -> dict[int, list[Flag]]:
    """The flags of these orders, by the order's id; one statement."""
    found: dict[int, list[Flag]] = {}
    if not order_ids:
        return found
    parts = [
        Order.objects.filter(flag.condition(), pk__in=list(order_ids))
        .order_by()
        .values_list("pk", Value(flag.name, output_field=TextField()))
        for flag in all_flags()
    ]
    named = set(parts[0].union(*parts[1:], all=True))
    for flag in all_flags():
        for pk in order_ids:
            if (pk, flag.name) in named:
                found.setdefault(pk, []).append(flag)
    return found


def disputed() -> Q:
    """The orders of which a charge has a dispute that isn't over.

    One that is lost has taken its money and asks for nothing more; an appeal gives it another
    status, and the flag comes back. A status that we don't know yet counts as open.
    """
    open_ = Dispute.objects.exclude(status__in=Dispute.CLOSED).order_by()
    payments = Charge.objects.filter(pk__in=open_.values("charge")).values("payment")
    return Q(pk__in=OrderPayment.objects.filter(payment__in=payments).values("order"))


OVERSOLD = register(
    Flag(
        name="oversold",
        label="oversold",
        mark="▲",
        meaning="Paid, but its products weren’t all in stock.",
        condition=lambda: Q(oversold=True),
    )
)
DISPUTED = register(
    Flag(
        name="disputed",
        label="disputed",
        mark="⚑",
        meaning="The bank of whoever paid disputes a payment of it, and the dispute isn’t over.",
        condition=disputed,
    )
)
