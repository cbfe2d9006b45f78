"""Subscription items: a price and a quantity for a period."""

from __future__ import annotations

from .catalog import create_price
from .errors import Obj, invalid
from .params import Params, mapping, required_text
from .periods import add_interval
from .world import World, list_of


def price_of(world: World, entry: Params) -> Obj:
    """The price that an item or a line names: ``price``, or ``price_data``."""
    data = mapping(entry, "price_data")
    if data:
        return create_price(world, data)
    return world.get("price", required_text(entry, "price"), "price")


def plan_of(price: Obj) -> Obj:
    """The legacy ``plan`` of a subscription item, which mirrors its price."""
    recurring = price["recurring"] or {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring.get("usage_type"),
    }


def new_item(
    world: World, subscription: str, price: Obj, quantity: int, period: tuple[int, int]
) -> Obj:
    """A subscription item of a recurring price."""
    if price["recurring"] is None:
        raise invalid("The price specified is set to `type=one_time`.", "items[0][price]")
    return {
        "id": world.ids.new("si_", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": dict(price),
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def items_list(subscription: str, items: list[Obj]) -> Obj:
    """``items`` of a subscription."""
    return list_of(f"/v1/subscription_items?subscription={subscription}", items)


def period_from(start: int, price: Obj, anchor: int) -> tuple[int, int]:
    """The billing period of a price that begins at ``start``."""
    recurring = price["recurring"]
    end = add_interval(start, recurring["interval"], recurring["interval_count"], anchor)
    return start, end
