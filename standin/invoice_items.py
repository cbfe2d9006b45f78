"""Invoice items: what a shop adds by hand to a customer's next invoice."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from .catalog import create_price
from .errors import Obj, invalid
from .params import Params, decimal, integer, mapping, merged_metadata, required_text, text
from .world import World


def create(world: World, params: Params) -> Obj:
    """``POST /v1/invoiceitems``: an ``amount``, or a price and a ``quantity``."""
    customer = required_text(params, "customer")
    world.get("customer", customer, "customer")
    quantity = integer(params, "quantity", 1) or 0
    pricing: Obj | None = None
    currency = text(params, "currency")
    data = mapping(params, "price_data")
    named = text(mapping(params, "pricing"), "price")
    if data or named:
        price = (
            create_price(world, data) if data else world.get("price", str(named), "pricing[price]")
        )
        exact = Decimal(price["unit_amount_decimal"] or 0) * quantity
        currency = price["currency"]
        pricing = {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    elif decimal(params, "unit_amount_decimal") is not None:
        exact = (decimal(params, "unit_amount_decimal") or Decimal(0)) * quantity
    else:
        exact = Decimal(integer(params, "amount", 0) or 0)
    if currency is None:
        raise invalid("An invoice item needs a currency.", "currency", "parameter_missing")
    item: Obj = {
        "id": world.ids.new("ii_"),
        "object": "invoiceitem",
        "amount": int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)),
        "created": world.now,
        "currency": currency.lower(),
        "customer": customer,
        "date": world.now,
        "description": text(params, "description"),
        "discountable": exact > 0,
        "discounts": [],
        "invoice": None,
        "livemode": world.livemode,
        "metadata": merged_metadata({}, params),
        "parent": None,
        "period": {"end": world.now, "start": world.now},
        "pricing": pricing,
        "proration": False,
        "quantity": quantity,
    }
    world.add(item)
    world.emit("invoiceitem.created", item)
    return item
