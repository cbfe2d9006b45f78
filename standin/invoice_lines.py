"""Invoice lines in the shape of API basil and later, and what discounts take off them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from .catalog import coupon_terms, discounted
from .errors import Obj
from .world import World


def price_amount(price: Obj, quantity: int) -> int:
    """Minor units of ``quantity`` at a price."""
    exact = Decimal(price["unit_amount_decimal"] or price["unit_amount"] or 0) * quantity
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def product_name(world: World, price: Obj) -> str:
    """The name of a price's product."""
    product = world.of("product").items.get(price["product"])
    return str(product["name"] if product else price["product"])


def subscription_line(
    world: World,
    *,
    subscription: str,
    item: Obj,
    start: int,
    end: int,
    amount: int | None = None,
    description: str | None = None,
    credited: Obj | None = None,
    proration: bool = False,
    invoice_item: str | None = None,
) -> Obj:
    """A line for a subscription item; ``amount`` and ``proration`` for a change within a period."""
    price, quantity = item["price"], item["quantity"]
    total = price_amount(price, quantity) if amount is None else amount
    name = product_name(world, price)
    interval = (price["recurring"] or {}).get("interval", "month")
    unit = f"{(price['unit_amount'] or 0) / 100:.2f}"
    return {
        "id": world.ids.new("il_"),
        "object": "line_item",
        "amount": total,
        "currency": price["currency"],
        "description": description or f"{quantity} × {name} (at {unit} / {interval})",
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": world.livemode,
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": invoice_item,
                "proration": proration,
                "proration_details": {"credited_items": credited},
                "subscription": subscription,
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": subscription,
        "subtotal": total,
        "taxes": [],
    }


def item_line(world: World, item: Obj) -> Obj:
    """A line for an invoice item that belongs to no subscription."""
    return {
        "id": world.ids.new("il_"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": [],
        "invoice": None,
        "livemode": world.livemode,
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": None,
        "subtotal": item["amount"],
        "taxes": [],
    }


def apply_discounts(world: World, lines: list[Obj], discounts: Sequence[str]) -> list[Obj]:
    """Take discounts off the lines, one after the other; ``total_discount_amounts``.

    Only what is discountable and positive is reduced, as Stripe does with prorations.
    """
    totals: list[Obj] = []
    left = {line["id"]: line["amount"] for line in lines}
    for discount_id in discounts:
        discount = world.get("discount", discount_id)
        coupon = coupon_terms(world, discount["source"]["coupon"])
        fixed = coupon["amount_off"]
        taken = 0
        for line in lines:
            if not line["discountable"] or left[line["id"]] <= 0:
                continue
            if fixed is None:
                off = discounted(coupon, left[line["id"]], line["currency"])
            else:
                off = discounted(coupon, left[line["id"]], line["currency"])
                off = min(off, fixed - taken)
            if off <= 0:
                continue
            left[line["id"]] -= off
            taken += off
            line["discount_amounts"].append({"amount": off, "discount": discount_id})
        totals.append({"amount": taken, "discount": discount_id})
    return totals
