"""Trying to pay a payment intent, and what comes of it: now, or when a bank answers."""

from __future__ import annotations

from . import charges
from .disputes import open_dispute
from .errors import ApiError, Obj, invalid
from .payment_methods import PaymentMethod, payment_method
from .world import World


def unexpected_state(intent: Obj, what: str) -> ApiError:
    """400: the status of the intent doesn't allow that."""
    message = f"This PaymentIntent could not {what} because it has a status of {intent['status']}."
    return ApiError(
        400,
        message,
        code="payment_intent_unexpected_state",
        extra={"payment_intent": intent},
    )


def attempt(world: World, intent: Obj, *, raises: bool = True) -> Obj:
    """Try to pay with the method of the intent; answers the intent.

    A decline raises 402 ``card_error`` after the state has changed, unless ``raises`` is false.
    """
    if not intent["payment_method"]:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_method",
            "payment_intent_unexpected_state",
        )
    method = payment_method(intent["payment_method"])
    if method.outcome == "decline":
        error = decline(world, intent, method)
        if raises:
            raise error
    elif method.outcome == "action":
        intent.update(
            status="requires_action",
            next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure"}},
        )
        world.emit("payment_intent.requires_action", intent)
    elif method.outcome == "processing":
        charge = charges.add_charge(world, intent, method, "pending", captured=True)
        intent.update(status="processing", latest_charge=charge["id"])
        world.emit("charge.pending", charge)
        world.emit("payment_intent.processing", intent)
    else:
        succeed(world, intent, method)
    return intent


def succeed(world: World, intent: Obj, method: PaymentMethod) -> Obj:
    """Charge the intent: captured at once, or authorised when capture is manual."""
    captured = intent["capture_method"] != "manual"
    charge = charges.add_charge(world, intent, method, "succeeded", captured=captured)
    intent.update(latest_charge=charge["id"], next_action=None, last_payment_error=None)
    if captured:
        charges.settle_or_wait(world, charge)
        intent.update(status="succeeded", amount_received=intent["amount"])
        world.emit("charge.succeeded", charge)
        world.emit("payment_intent.succeeded", intent)
        world.notify("intent", intent)
    else:
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        world.emit("charge.succeeded", charge)
        world.emit("payment_intent.amount_capturable_updated", intent)
    if method.dispute and captured:
        status = "warning_needs_response" if method.inquiry else "needs_response"
        open_dispute(world, charge, reason=method.dispute, status=status)
    return charge


def decline(world: World, intent: Obj, method: PaymentMethod, code: str = "") -> ApiError:
    """Record a declined charge; answers the 402 ``card_error`` for it."""
    charge = charges.add_charge(world, intent, method, "failed", captured=False)
    error: Obj = {
        "charge": charge["id"],
        "code": code or method.code or "card_declined",
        "decline_code": method.decline_code or "generic_decline",
        "message": method.message or "Your card was declined.",
        "type": "card_error",
    }
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=error,
    )
    world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
    world.notify("intent", intent)
    return ApiError(
        402,
        error["message"],
        type_="card_error",
        code=error["code"],
        extra={
            "charge": charge["id"],
            "decline_code": error["decline_code"],
            "payment_intent": intent,
        },
    )


def authenticate(world: World, intent: Obj, *, succeeds: bool = True) -> Obj:
    """The customer answers the bank's question of an intent that ``requires_action``."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "be authenticated")
    method = payment_method(intent["payment_method"])
    if succeeds:
        succeed(world, intent, method)
        return intent
    error = {
        "code": "payment_intent_authentication_failure",
        "message": "The provided payment method has failed authentication.",
        "type": "invalid_request_error",
    }
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    world.emit("payment_intent.payment_failed", intent)
    world.notify("intent", intent)
    return intent


def finish_processing(
    world: World, intent: Obj, *, succeeds: bool = True, code: str = "insufficient_funds"
) -> Obj:
    """The bank's answer for an intent that is ``processing``."""
    if intent["status"] != "processing":
        raise unexpected_state(intent, "be finished")
    charge = world.get("charge", intent["latest_charge"])
    if succeeds:
        charge.update(status="succeeded", captured=True, amount_captured=charge["amount"])
        charges.settle_or_wait(world, charge)
        intent.update(status="succeeded", amount_received=intent["amount"])
        world.emit("charge.succeeded", charge)
        world.emit("payment_intent.succeeded", intent)
        world.notify("intent", intent)
        return intent
    message = "The customer's account couldn't be debited."
    charge.update(status="failed", paid=False, failure_code=code, failure_message=message)
    charge["captured"] = False
    error = {
        "charge": charge["id"],
        "code": code,
        "message": message,
        "type": "invalid_request_error",
    }
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
    world.notify("intent", intent)
    return intent
