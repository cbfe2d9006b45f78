"""Letting go of what is over, so that a long history fits into little memory.

Stripe forgets nothing but events. This is for whoever makes a large past and has read it already.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from .errors import Obj
from .subscriptions import ENDED
from .world import World

Needed = Callable[[World, Obj, Container[str]], bool]


def _there(world: World, id_: str | None) -> bool:
    return bool(id_) and id_ in world.kinds


def _has_membership(world: World, customer: Obj) -> bool:
    return any(
        subscription["status"] not in ENDED
        for subscription in world.of("subscription").where(customer=customer["id"])
    )


def _is_latest(world: World, invoice: Obj) -> bool:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    subscription = world.of("subscription").items.get(details.get("subscription") or "")
    return subscription is not None and subscription["latest_invoice"] == invoice["id"]


# Which of the old objects are still needed; what hangs on another comes after it.
NEEDED: dict[str, Needed] = {
    "customer": lambda world, obj, keep: obj["id"] in keep or _has_membership(world, obj),
    "payment_intent": lambda world, obj, keep: (
        obj["id"] in keep or obj["status"] not in ("succeeded", "canceled")
    ),
    "charge": lambda world, obj, keep: _there(world, obj["payment_intent"]),
    "refund": lambda world, obj, keep: _there(world, obj["charge"]),
    "dispute": lambda world, obj, keep: _there(world, obj["charge"]),
    "checkout.session": lambda world, obj, keep: (
        obj["status"] == "open" or _there(world, obj["payment_intent"])
    ),
    "invoice": lambda world, obj, keep: (
        obj["status"] in ("draft", "open") or _is_latest(world, obj)
    ),
    "invoice_payment": lambda world, obj, keep: _there(world, obj["invoice"]),
    "invoiceitem": lambda world, obj, keep: not obj["invoice"] or _there(world, obj["invoice"]),
    "payout": lambda world, obj, keep: obj["status"] in ("pending", "in_transit"),
    "balance_transaction": lambda world, obj, keep: (
        _there(world, obj["source"])
        or obj["status"] == "pending"
        or obj["id"] in world.unpaid.get(obj["currency"], {})
    ),
}


def forget(world: World, before: int, keep: Container[str]) -> int:
    """Let go of events and objects made before a time, but for what is still under way, the
    customers and intents to ``keep``, and what hangs on them; answers how many objects that was."""
    world.log.forget(before)
    count = 0
    for kind, needed in NEEDED.items():
        collection = world.of(kind)
        for obj in collection.older_than(before):
            if not needed(world, obj, keep):
                collection.remove(obj["id"])
                for notes in (world.kinds, world.notes, world.by_payout):
                    notes.pop(obj["id"], None)
                count += 1
    return count
