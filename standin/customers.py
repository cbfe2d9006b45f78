"""Customers."""

from __future__ import annotations

from typing import Any

from .errors import Obj
from .params import Params, integer, mapping, merged_metadata, sequence, text
from .payment_methods import payment_method
from .world import World

_TEXTS = ("description", "email", "name", "phone", "business_name", "individual_name")


def _checked_settings(params: Params, old: Obj) -> Obj:
    settings = mapping(params, "invoice_settings")
    default = text(settings, "default_payment_method")
    if default:
        payment_method(default, "invoice_settings[default_payment_method]")
    return {**old, **settings}


def create(world: World, params: Params) -> Obj:
    """``POST /v1/customers``. ``payment_method`` attaches a test token for subscriptions."""
    settings: Obj = {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    }
    attached = text(params, "payment_method")
    if attached:
        payment_method(attached)
    customer: Obj = {
        "id": world.ids.new("cus_", 14),
        "object": "customer",
        "address": mapping(params, "address") or None,
        "balance": integer(params, "balance", 0),
        "created": world.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": text(params, "description"),
        "discount": None,
        "email": text(params, "email"),
        "invoice_prefix": world.ids.new("", 8).upper(),
        "invoice_settings": _checked_settings(params, settings),
        "livemode": world.livemode,
        "metadata": merged_metadata({}, params),
        "name": text(params, "name"),
        "next_invoice_sequence": 1,
        "phone": text(params, "phone"),
        "preferred_locales": sequence(params, "preferred_locales"),
        "shipping": mapping(params, "shipping") or None,
        "tax_exempt": text(params, "tax_exempt", "none"),
        "test_clock": None,
    }
    world.add(customer, {"payment_method": attached} if attached else None)
    world.emit("customer.created", customer)
    return customer


def update(world: World, customer: Obj, params: Params) -> Obj:
    """``POST /v1/customers/:id``."""
    changes: dict[str, Any] = {
        name: text(params, name) for name in (*_TEXTS, "tax_exempt") if name in params
    }
    for name in ("address", "shipping"):
        if name in params:
            changes[name] = mapping(params, name) or None
    if "balance" in params:
        changes["balance"] = integer(params, "balance", 0)
    if "invoice_settings" in params:
        changes["invoice_settings"] = _checked_settings(params, customer["invoice_settings"])
    changes["metadata"] = merged_metadata(customer["metadata"], params)
    world.update(customer, "customer.updated", **changes)
    return customer


def delete(world: World, customer: Obj) -> Obj:
    """``DELETE /v1/customers/:id``; its subscriptions end at once."""
    world.notify("customer_deleted", customer)
    left = world.remove(customer)
    world.emit("customer.deleted", customer)
    return left


def default_payment_method(world: World, customer_id: str) -> str | None:
    """The token a customer's invoices are paid with, if there is one."""
    customer = world.get("customer", customer_id, "customer")
    default: str | None = customer["invoice_settings"]["default_payment_method"]
    return default or world.notes.get(customer_id, {}).get("payment_method")
