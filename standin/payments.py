"""Payment intents: from creation to money captured, declined or given up."""

from __future__ import annotations

from typing import Any

from . import charges
from .currencies import check_amount
from .errors import Obj, bad_parameter
from .params import (
    Params,
    boolean,
    choice,
    integer,
    mapping,
    merged_metadata,
    required_integer,
    required_text,
    text,
)
from .payment_attempts import attempt, unexpected_state
from .payment_methods import payment_method
from .world import World

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (*_CONFIRMABLE, "requires_capture", "processing")


def new_intent(
    world: World,
    *,
    amount: int,
    currency: str,
    customer: str | None = None,
    metadata: dict[str, str] | None = None,
    description: str | None = None,
    method: str | None = None,
    capture_method: str = "automatic_async",
    receipt_email: str | None = None,
    shipping: Obj | None = None,
    statement_descriptor: str | None = None,
    setup_future_usage: str | None = None,
    billing_details: Obj | None = None,
) -> Obj:
    """A new payment intent, announced by ``payment_intent.created``."""
    id_ = world.ids.new("pi_")
    intent: Obj = {
        "id": id_,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": f"{id_}_secret_{world.ids.new('', 25)}",
        "confirmation_method": "automatic",
        "created": world.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": world.livemode,
        "managed_payments": {"enabled": False},
        "metadata": metadata or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card", "sepa_debit"],
        "processing": None,
        "receipt_email": receipt_email,
        "review": None,
        "setup_future_usage": setup_future_usage,
        "shipping": shipping,
        "source": None,
        "statement_descriptor": statement_descriptor,
        "statement_descriptor_suffix": None,
        "status": "requires_confirmation" if method else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    world.add(intent, {"billing_details": billing_details} if billing_details else None)
    world.emit("payment_intent.created", intent)
    return intent


def create(world: World, params: Params) -> Obj:
    """``POST /v1/payment_intents``; confirms at once with ``confirm``."""
    currency = required_text(params, "currency").lower()
    amount = required_integer(params, "amount", minimum=1)
    check_amount(amount, currency)
    customer = text(params, "customer")
    if customer:
        world.get("customer", customer, "customer")
    method = text(params, "payment_method")
    if method:
        payment_method(method)
    confirm_now = boolean(params, "confirm")
    data = mapping(params, "payment_method_data")
    intent = new_intent(
        world,
        amount=amount,
        currency=currency,
        customer=customer,
        metadata=merged_metadata({}, params),
        description=text(params, "description"),
        method=method,
        capture_method=choice(params, "capture_method", CAPTURE_METHODS, "automatic_async"),
        receipt_email=text(params, "receipt_email"),
        shipping=mapping(params, "shipping") or None,
        statement_descriptor=text(params, "statement_descriptor"),
        setup_future_usage=text(params, "setup_future_usage"),
        billing_details=mapping(data, "billing_details") or None,
    )
    if confirm_now:
        attempt(world, intent)
    return intent


def update(world: World, intent: Obj, params: Params) -> Obj:
    """``POST /v1/payment_intents/:id``."""
    changes: dict[str, Any] = {}
    if "amount" in params:
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state(intent, "be updated")
        amount = required_integer(params, "amount", minimum=1)
        changes["amount"] = check_amount(amount, intent["currency"])
    for name in ("description", "receipt_email", "statement_descriptor", "customer"):
        if name in params:
            changes[name] = text(params, name)
    if changes.get("customer"):
        world.get("customer", changes["customer"], "customer")
    if "payment_method" in params:
        method = required_text(params, "payment_method")
        payment_method(method)
        changes["payment_method"] = method
        if intent["status"] == "requires_payment_method":
            changes["status"] = "requires_confirmation"
    if "shipping" in params:
        changes["shipping"] = mapping(params, "shipping") or None
    changes["metadata"] = merged_metadata(intent["metadata"], params)
    world.change(intent, **changes)
    return intent


def confirm(world: World, intent: Obj, params: Params) -> Obj:
    """``POST /v1/payment_intents/:id/confirm``; 402 ``card_error`` when it is declined."""
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(intent, "be confirmed")
    method = text(params, "payment_method")
    if method:
        payment_method(method)
        intent["payment_method"] = method
    attempt(world, intent)
    return intent


def capture(world: World, intent: Obj, params: Params) -> Obj:
    """``POST /v1/payment_intents/:id/capture``; less than authorised releases the remainder."""
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "be captured")
    authorised = intent["amount_capturable"]
    amount = integer(params, "amount_to_capture", authorised, minimum=1)
    assert amount is not None
    check_amount(amount, intent["currency"], "amount_to_capture")
    if amount > authorised:
        raise bad_parameter(
            f"The amount to capture ({amount}) is greater than the capturable amount "
            f"({authorised}).",
            "amount_to_capture",
            "amount_too_large",
        )
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params)
    charge = world.get("charge", intent["latest_charge"])
    charges.capture(world, charge, amount)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    world.emit("payment_intent.succeeded", intent)
    return intent


def cancel(world: World, intent: Obj, params: Params) -> Obj:
    """``POST /v1/payment_intents/:id/cancel``; an authorisation is released."""
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(intent, "be canceled")
    reason = text(params, "cancellation_reason")
    if intent["status"] == "requires_capture":
        charge = world.get("charge", intent["latest_charge"])
        remaining = charge["amount"] - charge["amount_refunded"]
        if remaining:
            charges.release(world, charge, remaining)
    elif intent["status"] == "processing":
        charge = world.get("charge", intent["latest_charge"])
        charge.update(status="failed", paid=False, captured=False)
        world.emit("charge.failed", charge)
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=world.now,
        cancellation_reason=reason,
        next_action=None,
    )
    world.emit("payment_intent.canceled", intent)
    return intent
