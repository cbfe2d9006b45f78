"""``expand[]``: ids replaced by their objects, over one table of fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .catalog import coupon_terms
from .errors import Obj, bad_parameter
from .names import names
from .payment_methods import METHODS
from .world import World, list_of

# Fields that hold the id (or a list of ids) of another object.
EXPANDABLE = frozenset(
    names(
        "balance_transaction charge checkout_session coupon customer default_price discounts "
        "failure_balance_transaction invoice latest_charge latest_invoice payment_intent price "
        "product setup_intent source subscription original_payout discount"
    )
)
_METHOD_FIELDS = frozenset(names("payment_method default_payment_method"))
_MOST_LEVELS = 4


def _refunds(world: World, charge: Obj) -> Obj:
    found = world.of("refund").where(charge=charge["id"])
    return list_of(f"/v1/charges/{charge['id']}/refunds", found)


def _line_items(world: World, session: Obj) -> Obj:
    items = world.notes[session["id"]]["line_items"]
    return list_of(f"/v1/checkout/sessions/{session['id']}/line_items", items[:10], len(items) > 10)


def _payments(world: World, invoice: Obj) -> Obj:
    found = world.of("invoice_payment").where(invoice=invoice["id"])
    return list_of(f"/v1/invoice_payments?invoice={invoice['id']}", found)


# What an object has only when it is asked for.
INCLUDABLE: dict[tuple[str, str], Callable[[World, Obj], Obj]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
}


def expand(world: World, obj: Obj, paths: list[Any]) -> Obj:
    """A copy of ``obj`` with the paths expanded; 400 for one that can't be."""
    result = obj
    for path in paths:
        parts = str(path).split(".")
        if len(parts) > _MOST_LEVELS:
            message = "You cannot expand more than 4 levels of a property."
            raise bad_parameter(message, "expand", "property_expansion_max_depth")
        result = _expanded(world, result, parts, str(path))
    return result


def _expanded(world: World, value: Any, parts: list[str], path: str) -> Any:
    if isinstance(value, list):
        return [_expanded(world, item, parts, path) for item in value]
    if not parts or value is None:
        return value
    if not isinstance(value, dict):
        raise _not_expandable(path)
    name, rest = parts[0], parts[1:]
    include = INCLUDABLE.get((value.get("object", ""), name))
    if include is not None:
        child: Any = value.get(name)
        if not isinstance(child, dict):
            child = include(world, value)
    elif name not in value:
        if value.get("deleted") or value.get("object") is None:
            return value  # A source of another kind, or what is left of a deleted object.
        raise _not_expandable(path)
    else:
        child = value[name]
        if name in EXPANDABLE or name in _METHOD_FIELDS:
            child = _loaded(world, name, child)
        elif not rest:
            raise _not_expandable(path)
    return {**value, name: _expanded(world, child, rest, path)}


def _loaded(world: World, name: str, child: Any) -> Any:
    if isinstance(child, list):
        return [_loaded(world, name, item) for item in child]
    if not isinstance(child, str):
        return child
    if name == "coupon":
        return coupon_terms(world, child)
    if name in _METHOD_FIELDS:
        method = METHODS.get(child)
        return child if method is None else method.as_object(livemode=world.livemode)
    found = world.find(child)
    return child if found is None else found


def _not_expandable(path: str) -> Exception:
    message = f"This property cannot be expanded ({path})."
    return bad_parameter(message, "expand", "property_not_expandable")
