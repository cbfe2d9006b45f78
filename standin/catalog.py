"""Products, prices, coupons, and the discounts that coupons become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .currencies import check_amount
from .errors import Obj, bad_parameter, invalid, missing_parameter
from .params import (
    Params,
    boolean,
    choice,
    decimal,
    integer,
    mapping,
    merged_metadata,
    required_integer,
    required_text,
    sequence,
    text,
)
from .periods import add_interval
from .world import World

INTERVALS = ("day", "week", "month", "year")


def create_product(world: World, params: Params) -> Obj:
    """``POST /v1/products``, with ``default_price_data`` if given."""
    name = required_text(params, "name")
    id_ = text(params, "id") or world.ids.new("prod_", 14)
    if id_ in world.of("product").items:
        raise invalid("Product already exists.", "id", "resource_already_exists")
    product: Obj = {
        "id": id_,
        "object": "product",
        "active": boolean(params, "active", default=True),
        "created": world.now,
        "default_price": None,
        "description": text(params, "description"),
        "images": sequence(params, "images"),
        "livemode": world.livemode,
        "marketing_features": [],
        "metadata": merged_metadata({}, params),
        "name": name,
        "package_dimensions": None,
        "shippable": boolean(params, "shippable") if "shippable" in params else None,
        "statement_descriptor": text(params, "statement_descriptor"),
        "tax_code": text(params, "tax_code"),
        "type": text(params, "type", "service"),
        "unit_label": text(params, "unit_label"),
        "updated": world.now,
        "url": text(params, "url"),
    }
    world.add(product)
    world.emit("product.created", product)
    price_data = mapping(params, "default_price_data")
    if price_data:
        price = create_price(world, {**price_data, "product": id_})
        world.change(product, default_price=price["id"])
    return product


def update_product(world: World, product: Obj, params: Params) -> Obj:
    """``POST /v1/products/:id``."""
    names = ("name", "description", "statement_descriptor", "tax_code", "unit_label", "url")
    changes: dict[str, Any] = {name: text(params, name) for name in names if name in params}
    if "active" in params:
        changes["active"] = boolean(params, "active")
    if "default_price" in params:
        price = required_text(params, "default_price")
        changes["default_price"] = world.get("price", price, "default_price")["id"]
    if "images" in params:
        changes["images"] = sequence(params, "images")
    changes["metadata"] = merged_metadata(product["metadata"], params)
    previous = world.change(product, **changes)
    if previous:
        previous.update(world.change(product, updated=world.now))
        world.emit("product.updated", product, previous)
    return product


def delete_product(world: World, product: Obj) -> Obj:
    """``DELETE /v1/products/:id``: refused while it has prices."""
    if next(world.of("price").where(product=product["id"]), None) is not None:
        raise invalid("This product cannot be deleted because it has prices.")
    left = world.remove(product)
    world.emit("product.deleted", product)
    return left


def _unit_amount(params: Params, currency: str) -> tuple[int | None, str | None]:
    exact = decimal(params, "unit_amount_decimal")
    if exact is None:
        amount = integer(params, "unit_amount", minimum=0)
        if amount is None:
            raise missing_parameter("unit_amount")
        check_amount(amount, currency, "unit_amount")
        return amount, str(amount)
    whole = exact == exact.to_integral_value()
    return (int(exact) if whole else None), f"{exact.normalize():f}"


def new_price(world: World, params: Params, product: str) -> Obj:
    """A price object that isn't kept yet."""
    currency = required_text(params, "currency").lower()
    unit_amount, unit_amount_decimal = _unit_amount(params, currency)
    recurring: Obj | None = None
    asked = mapping(params, "recurring")
    if asked:
        recurring = {
            "interval": choice(asked, "interval", INTERVALS, ""),
            "interval_count": integer(asked, "interval_count", 1, minimum=1),
            "meter": None,
            "trial_period_days": integer(asked, "trial_period_days"),
            "usage_type": text(asked, "usage_type", "licensed"),
        }
    return {
        "id": world.ids.new("price_"),
        "object": "price",
        "active": boolean(params, "active", default=True),
        "billing_scheme": text(params, "billing_scheme", "per_unit"),
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": world.livemode,
        "lookup_key": text(params, "lookup_key"),
        "metadata": merged_metadata({}, params),
        "nickname": text(params, "nickname"),
        "product": product,
        "recurring": recurring,
        "tax_behavior": text(params, "tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
    }


def create_price(world: World, params: Params) -> Obj:
    """``POST /v1/prices``, for a product or for ``product_data``."""
    product_id = text(params, "product")
    data = mapping(params, "product_data")
    required_text(params, "currency")
    if not product_id and not data:
        raise missing_parameter("product")
    product = (
        world.get("product", product_id, "product") if product_id else create_product(world, data)
    )
    price = world.add(new_price(world, params, product["id"]))
    world.emit("price.created", price)
    return price


def update_price(world: World, price: Obj, params: Params) -> Obj:
    """``POST /v1/prices/:id``: its amount is fixed for good."""
    changes: dict[str, Any] = {
        name: text(params, name)
        for name in ("nickname", "lookup_key", "tax_behavior")
        if name in params
    }
    if "active" in params:
        changes["active"] = boolean(params, "active")
    changes["metadata"] = merged_metadata(price["metadata"], params)
    world.update(price, "price.updated", **changes)
    return price


def create_coupon(world: World, params: Params) -> Obj:
    """``POST /v1/coupons``: a percentage or an amount, once, repeating or forever."""
    percent = decimal(params, "percent_off")
    amount = integer(params, "amount_off", minimum=1)
    if (percent is None) == (amount is None):
        raise invalid("Coupons must have either a percent_off or an amount_off.", "percent_off")
    currency = text(params, "currency")
    if amount is not None and currency is None:
        raise missing_parameter("currency")
    if percent is not None and not 0 < percent <= 100:
        message = "Invalid percent_off: must be greater than 0 and at most 100"
        raise bad_parameter(message, "percent_off", "parameter_invalid_integer")
    duration = choice(params, "duration", ("forever", "once", "repeating"), "once")
    months: int | None = None
    if duration == "repeating":
        months = required_integer(params, "duration_in_months", minimum=1)
    id_ = text(params, "id") or world.ids.new("", 8)
    if id_ in world.of("coupon").items:
        raise invalid("Coupon already exists.", "id", "resource_already_exists")
    coupon: Obj = {
        "id": id_,
        "object": "coupon",
        "amount_off": amount,
        "created": world.now,
        "currency": currency.lower() if currency and amount is not None else None,
        "duration": duration,
        "duration_in_months": months,
        "livemode": world.livemode,
        "max_redemptions": integer(params, "max_redemptions", minimum=1),
        "metadata": merged_metadata({}, params),
        "name": text(params, "name"),
        "percent_off": float(percent) if percent is not None else None,
        "redeem_by": integer(params, "redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    world.add(coupon)
    world.emit("coupon.created", coupon)
    return coupon


def update_coupon(world: World, coupon: Obj, params: Params) -> Obj:
    """``POST /v1/coupons/:id``: name and metadata."""
    changes: dict[str, Any] = {"metadata": merged_metadata(coupon["metadata"], params)}
    if "name" in params:
        changes["name"] = text(params, "name")
    world.update(coupon, "coupon.updated", **changes)
    return coupon


def delete_coupon(world: World, coupon: Obj) -> Obj:
    """``DELETE /v1/coupons/:id``: discounts that were given keep their terms."""
    kept = world.note("deleted_coupons")
    kept[coupon["id"]] = coupon
    left = world.remove(coupon)
    world.emit("coupon.deleted", coupon)
    return left


def coupon_terms(world: World, coupon_id: str) -> Obj:
    """A coupon's terms, also those of a deleted one that a discount still refers to."""
    coupon = world.of("coupon").items.get(coupon_id)
    if coupon is not None:
        return coupon
    kept: Obj = world.notes.get("deleted_coupons", {})
    found: Obj = kept[coupon_id]
    return found


def redeem(world: World, coupon_id: str, **holder: str | None) -> Obj:
    """A discount from a coupon for a subscription, session or customer."""
    coupon = world.get("coupon", coupon_id, "coupon")
    if not coupon["valid"]:
        raise invalid(f"Coupon {coupon_id} is not valid.", "coupon", "coupon_expired")
    end: int | None = None
    if coupon["duration"] == "repeating":
        end = add_interval(world.now, "month", coupon["duration_in_months"])
    discount: Obj = {
        "id": world.ids.new("di_"),
        "object": "discount",
        "checkout_session": holder.get("checkout_session"),
        "customer": holder.get("customer"),
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": world.now,
        "subscription": holder.get("subscription"),
        "subscription_item": None,
    }
    world.add(discount)
    redeemed = coupon["times_redeemed"] + 1
    limit = coupon["max_redemptions"]
    world.change(coupon, times_redeemed=redeemed, valid=limit is None or redeemed < limit)
    if holder.get("customer"):
        world.emit("customer.discount.created", discount)
    return discount


def discounted(coupon: Obj, amount: int, currency: str) -> int:
    """What a coupon takes off ``amount`` minor units."""
    if coupon["percent_off"] is not None:
        exact = Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100
        return int(exact.quantize(Decimal(1), rounding="ROUND_HALF_UP"))
    if coupon["currency"] != currency:
        return 0
    return min(int(coupon["amount_off"]), amount)
