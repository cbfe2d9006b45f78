"""Checkout Sessions: created by the shop, completed by the customer, or expired."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import customers, invoices, payment_attempts, payments, subscriptions
from .catalog import create_price, discounted, redeem
from .errors import Obj, invalid, missing_parameter
from .invoice_lines import price_amount, product_name
from .params import (
    Params,
    choice,
    integer,
    mapping,
    merged_metadata,
    required_text,
    sequence,
    text,
)
from .payment_methods import payment_method
from .world import World

MODES = ("payment", "setup", "subscription")
_OPEN_FOR = 24 * 3600


def create(world: World, params: Params) -> Obj:
    """``POST /v1/checkout/sessions``: ``open``, with totals of its line items."""
    mode = choice(params, "mode", MODES, "")
    entries = sequence(params, "line_items")
    if mode != "setup" and not entries:
        raise missing_parameter("line_items")
    customer = text(params, "customer")
    if customer:
        world.get("customer", customer, "customer")
    id_ = world.ids.new("cs_live_" if world.livemode else "cs_test_", 58)
    items = [_line_item(world, entry, mode) for entry in entries]
    currency = items[0]["currency"] if items else text(params, "currency")
    subtotal = sum(item["amount_subtotal"] for item in items)
    discounts = _take_discounts(world, id_, params, items, str(currency))
    shipping = _shipping(params, str(currency))
    off = sum(item["amount_discount"] for item in items)
    shipping_amount = shipping["amount_total"] if shipping else None
    expires_at = integer(params, "expires_at", world.now + _OPEN_FOR)
    email = text(params, "customer_email")
    session: Obj = {
        "id": id_,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": subtotal if items else None,
        "amount_total": subtotal - off + (shipping_amount or 0) if items else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": text(params, "cancel_url"),
        "client_reference_id": text(params, "client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": None,
        "customer": customer,
        "customer_account": None,
        "customer_creation": text(
            params, "customer_creation", None if customer or mode != "payment" else "if_required"
        ),
        "customer_details": _details(world, customer, email, {}) if customer or email else None,
        "customer_email": email,
        "discounts": discounts,
        "expires_at": expires_at,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {"enabled": False} if mode == "payment" else None,
        "livemode": world.livemode,
        "locale": text(params, "locale"),
        "managed_payments": {"enabled": False},
        "metadata": merged_metadata({}, params),
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required" if mode == "payment" else "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card", "sepa_debit"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": shipping,
        "shipping_options": [],
        "status": "open",
        "submit_type": text(params, "submit_type"),
        "subscription": None,
        "success_url": text(params, "success_url"),
        "total_details": {
            "amount_discount": off,
            "amount_shipping": shipping_amount,
            "amount_tax": 0,
        },
        "ui_mode": text(params, "ui_mode", "hosted_page"),
        "url": f"https://checkout.stripe.com/c/pay/{id_}",
        "wallet_options": None,
    }
    return world.add(
        session,
        {
            "line_items": items,
            "coupons": [entry["coupon"] for entry in discounts],
            "payment_intent_data": mapping(params, "payment_intent_data"),
            "subscription_data": mapping(params, "subscription_data"),
        },
    )


def _line_item(world: World, entry: Any, mode: str) -> Obj:
    quantity = integer(entry, "quantity", 1, minimum=0) or 0
    data = mapping(entry, "price_data")
    if data:
        price = create_price(world, data)
    else:
        price = world.get("price", required_text(entry, "price"), "line_items[0][price]")
    if price["recurring"] and mode == "payment":
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            "mode",
        )
    amount = price_amount(price, quantity)
    return {
        "id": world.ids.new("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product_name(world, price),
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def _take_discounts(
    world: World, session: str, params: Params, items: list[Obj], currency: str
) -> list[Obj]:
    found: list[Obj] = []
    for entry in sequence(params, "discounts"):
        coupon = world.get("coupon", required_text(entry, "coupon"), "discounts[0][coupon]")
        found.append({"coupon": coupon["id"], "promotion_code": None})
        whole = sum(item["amount_total"] for item in items)
        left = discounted(coupon, whole, currency)
        for number, item in enumerate(items):
            last = number == len(items) - 1
            share = Decimal(item["amount_total"] * left) / Decimal(max(whole, 1))
            off = left if last else min(int(share), left)
            whole -= item["amount_total"]
            left -= off
            item["amount_discount"] += off
            item["amount_total"] -= off
    return found


def _shipping(params: Params, currency: str) -> Obj | None:
    options = sequence(params, "shipping_options")
    if not options:
        return None
    data = mapping(options[0], "shipping_rate_data")
    amount = integer(mapping(data, "fixed_amount"), "amount", 0, minimum=0)
    return {
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "shipping_rate": text(options[0], "shipping_rate"),
    }


def _details(world: World, customer: str | None, email: str | None, given: Obj) -> Obj:
    known = world.of("customer").items.get(customer or "") or {}
    return {
        "address": known.get("address"),
        "business_name": None,
        "email": email or known.get("email"),
        "individual_name": None,
        "name": known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
        **given,
    }


def complete(
    world: World,
    session: Obj,
    *,
    payment_method_token: str = "pm_card_visa",
    customer_details: Obj | None = None,
) -> Obj:
    """The customer pays: ``checkout.session.completed``, with a ``payment_status``.

    ``paid``, ``unpaid`` with a method that is answered later (``pm_sepa``), or
    ``no_payment_required``. A declined card leaves the session open and raises 402.
    """
    if session["status"] != "open":
        raise invalid(f"This Checkout Session is {session['status']} and can't be completed.")
    payment_method(payment_method_token)
    details = _details(
        world, session["customer"], session["customer_email"], customer_details or {}
    )
    session["customer_details"] = details
    for coupon in world.notes[session["id"]]["coupons"]:
        world.get("coupon", coupon, "discounts[0][coupon]")
    if session["mode"] == "subscription":
        _complete_subscription(world, session, payment_method_token, details)
    elif session["mode"] == "setup":
        session["setup_intent"] = world.ids.new("seti_")
    elif session["amount_total"] == 0:
        session["payment_status"] = "no_payment_required"
    else:
        _complete_payment(world, session, payment_method_token, details)
    if session["mode"] != "subscription":
        for coupon in world.notes[session["id"]]["coupons"]:
            redeem(world, coupon, checkout_session=session["id"])
    world.change(session, status="complete", url=None)
    world.emit("checkout.session.completed", session)
    return session


def _complete_payment(world: World, session: Obj, token: str, details: Obj) -> None:
    data = world.notes[session["id"]]["payment_intent_data"]
    if session["customer"] is None and session["customer_creation"] == "always":
        created = customers.create(
            world, {"email": details["email"] or "", "name": details["name"] or ""}
        )
        world.change(session, customer=created["id"])
    if session["payment_intent"] is None:
        billing = {key: details[key] for key in ("address", "email", "name", "phone")}
        intent = payments.new_intent(
            world,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=session["customer"],
            metadata=merged_metadata({}, data),
            description=text(data, "description"),
            method=token,
            capture_method=choice(
                data, "capture_method", payments.CAPTURE_METHODS, "automatic_async"
            ),
            receipt_email=text(data, "receipt_email"),
            statement_descriptor=text(data, "statement_descriptor"),
            shipping=mapping(data, "shipping") or None,
            billing_details={key: value for key, value in billing.items() if value},
        )
        world.change(session, payment_intent=intent["id"])
    else:
        intent = world.get("payment_intent", session["payment_intent"])
        intent["payment_method"] = token
    payment_attempts.attempt(world, intent)
    if intent["status"] == "requires_action":
        payment_attempts.authenticate(world, intent)
    if intent["status"] == "processing":
        world.note(intent["id"])["session"] = session["id"]
        return
    session["payment_status"] = "unpaid" if intent["status"] == "requires_capture" else "paid"


def _complete_subscription(world: World, session: Obj, token: str, details: Obj) -> None:
    note = world.notes[session["id"]]
    if session["customer"] is None:
        created = customers.create(
            world, {"email": details["email"] or "", "name": details["name"] or ""}
        )
        world.change(session, customer=created["id"])
    data = note["subscription_data"]
    recurring = [item for item in note["line_items"] if item["price"]["recurring"]]
    if not recurring:
        raise invalid("A subscription session needs a recurring price.", "line_items")
    params: Obj = {
        **{key: data[key] for key in ("metadata", "description") if key in data},
        **{key: data[key] for key in ("trial_period_days", "trial_end") if key in data},
        "customer": session["customer"],
        "default_payment_method": token,
        "items": [
            {"price": item["price"]["id"], "quantity": item["quantity"]} for item in recurring
        ],
        "discounts": [{"coupon": coupon} for coupon in note["coupons"]],
        "payment_behavior": "error_if_incomplete",
    }
    subscription = subscriptions.create(world, params)
    invoice = world.get("invoice", subscription["latest_invoice"])
    paid = invoice["status"] == "paid"
    free = paid and invoice["amount_paid"] == 0
    world.change(
        session,
        subscription=subscription["id"],
        invoice=invoice["id"],
        payment_status="no_payment_required" if free else ("paid" if paid else "unpaid"),
    )
    if not paid:
        intent = invoices.ensure_intent(world, invoice, token)
        world.note(intent["id"])["session"] = session["id"]


def follow_intent(world: World, intent: Obj) -> None:
    """A payment that a completed session waited for: ``async_payment_succeeded`` or failed."""
    note = world.notes.get(intent["id"])
    if note is None or "session" not in note:
        return
    session = world.get("checkout.session", note.pop("session"))
    if intent["status"] == "succeeded":
        world.change(session, payment_status="paid")
        world.emit("checkout.session.async_payment_succeeded", session)
    else:
        world.emit("checkout.session.async_payment_failed", session)


def expire(world: World, session: Obj) -> Obj:
    """``POST /v1/checkout/sessions/:id/expire``: only an open one."""
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}."
        )
    world.change(session, status="expired", url=None)
    world.emit("checkout.session.expired", session)
    return session


def update(world: World, session: Obj, params: Params) -> Obj:
    """``POST /v1/checkout/sessions/:id``: metadata."""
    world.change(session, metadata=merged_metadata(session["metadata"], params))
    return session
