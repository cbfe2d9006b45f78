"""Older API versions: the shapes that events have for endpoints which were never upgraded.

Only what changed for the objects here, from https://docs.stripe.com/changelog: refunds left charges
(2022-11-15), every refund sends ``refund.*`` (2024-10-28), periods and links moved (basil,
2025-03-31), a discount's coupon became an id (clover, 2025-09-30).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Obj

if TYPE_CHECKING:
    from .world import World

_NO_REFUNDS_IN_CHARGES = "2022-11-15"
_REFUND_EVENTS = "2024-10-28"
_BASIL = "2025-03-31"
_CLOVER = "2025-09-30"


def is_sent(type_: str, object_id: str, version: str) -> bool:
    """Whether an event exists in a version: card refunds once had ``charge.refund*`` only."""
    old_refund = type_.startswith("refund.") and object_id.startswith("re_")
    return not old_refund or version[:10] >= _REFUND_EVENTS


def is_current(version: str) -> bool:
    """Whether objects have today's shape in a version."""
    return version[:10] >= _CLOVER


def shaped(world: World, obj: Obj, version: str) -> Obj:
    """``obj`` as that version shows it: itself, or a copy with the older fields."""
    date = version[:10]
    if date >= _CLOVER:
        return obj
    kind = obj.get("object")
    if kind == "discount":
        return _discount(world, obj)
    if date >= _BASIL:
        return obj
    if kind == "subscription":
        return _subscription(world, obj)
    if kind == "invoice":
        return _invoice(world, obj)
    if kind == "payment_intent":
        more: Obj = {"invoice": _invoice_of(world, obj["id"])}
        if date < _NO_REFUNDS_IN_CHARGES:
            charges = world.of("charge").where(payment_intent=obj["id"])
            more["charges"] = _list([shaped(world, charge, version) for charge in charges])
        return {**obj, **more}
    if kind == "charge":
        more = {"invoice": _invoice_of(world, obj["payment_intent"])}
        if date < _NO_REFUNDS_IN_CHARGES:
            more["refunds"] = _list(list(world.of("refund").where(charge=obj["id"])))
        return {**obj, **more}
    return obj


def shaped_previous(obj: Obj, previous: Obj | None, version: str) -> Obj | None:
    """``previous_attributes`` as that version shows them."""
    if previous is None or version[:10] >= _BASIL:
        return previous
    if obj.get("object") == "subscription" and "items" in previous:
        old, new = previous["items"]["data"][0], obj["items"]["data"][0]
        names = ("current_period_start", "current_period_end")
        return {**previous, **{name: old[name] for name in names if old[name] != new[name]}}
    if obj.get("object") == "invoice" and "status" in previous:
        paid = obj["status"] == "paid"
        return {**previous, "paid": False} if paid else previous
    return previous


def _list(data: list[Obj]) -> Obj:
    return {"object": "list", "data": data, "has_more": False, "total_count": len(data)}


def _invoice_of(world: World, intent: str) -> str | None:
    found: str | None = world.notes.get(intent, {}).get("invoice")
    return found


def _discount(world: World, discount: Obj) -> Obj:
    older = {key: value for key, value in discount.items() if key != "source"}
    coupon = discount["source"]["coupon"]
    kept = world.notes.get("deleted_coupons", {})
    older["coupon"] = world.of("coupon").items.get(coupon) or kept.get(coupon)
    return older


def _first_discount(world: World, ids: list[str]) -> Obj | None:
    return _discount(world, world.get("discount", ids[0])) if ids else None


def _subscription(world: World, subscription: Obj) -> Obj:
    item = subscription["items"]["data"][0]
    return {
        **subscription,
        "current_period_end": item["current_period_end"],
        "current_period_start": item["current_period_start"],
        "discount": _first_discount(world, subscription["discounts"]),
        "plan": item["plan"],
        "quantity": item["quantity"],
    }


def _invoice(world: World, invoice: Obj) -> Obj:
    details: Obj = (invoice["parent"] or {}).get("subscription_details") or {}
    intent = world.notes.get(invoice["id"], {}).get("payment_intent")
    found = world.of("payment_intent").items.get(intent or "")
    lines = invoice["lines"]
    return {
        **invoice,
        "charge": found["latest_charge"] if found else None,
        "discount": _first_discount(world, invoice["discounts"]),
        "lines": {**lines, "data": [_line(world, line) for line in lines["data"]]},
        "paid": invoice["status"] == "paid",
        "payment_intent": intent,
        "subscription": details.get("subscription"),
        "tax": None,
    }


def _line(world: World, line: Obj) -> Obj:
    details: Obj = line["parent"]["subscription_item_details"] or {}
    pricing: Obj = line["pricing"] or {}
    price: Any = world.of("price").items.get(pricing.get("price_details", {}).get("price", ""))
    return {
        **line,
        "price": price,
        "proration": details.get("proration", False),
        "subscription_item": details.get("subscription_item"),
        "type": "subscription" if details else "invoiceitem",
    }
