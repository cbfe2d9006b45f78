"""Charges: how one is made, settled into the balance, captured and released."""

from __future__ import annotations

from typing import Any

from .balance import add_transaction, convert, processing_fee, settlement_currency, settles_on
from .errors import Obj
from .payment_methods import PaymentMethod
from .world import World

# The note that lists what asynchronous capture still owes.
_UNSETTLED = "unsettled_charges"

EMPTY_ADDRESS: Obj = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def _billing_details(world: World, intent: Obj) -> Obj:
    details: Obj = {
        "address": dict(EMPTY_ADDRESS),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }
    customer = world.of("customer").items.get(intent["customer"] or "")
    if customer is not None:
        details.update(email=customer["email"], name=customer["name"], phone=customer["phone"])
        if customer["address"]:
            details["address"] = {**EMPTY_ADDRESS, **customer["address"]}
    details.update(world.notes.get(intent["id"], {}).get("billing_details", {}))
    return details


def _outcome(method: PaymentMethod, status: str) -> Obj:
    failed = status == "failed"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": method.decline_code or None if failed else None,
        "risk_level": "normal",
        "seller_message": method.message or "The bank declined." if failed else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def add_charge(
    world: World, intent: Obj, method: PaymentMethod, status: str, *, captured: bool
) -> Obj:
    """A new charge of a payment intent: ``succeeded``, ``pending`` or ``failed``. No event yet."""
    id_ = world.ids.new("ch_" if method.is_card else "py_")
    amount = intent["amount"]
    failed = status == "failed"
    charge: Obj = {
        "id": id_,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured and status == "succeeded" else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": _billing_details(world, intent),
        "calculated_statement_descriptor": "STAND-IN",
        "captured": captured and status == "succeeded",
        "created": world.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": (method.code or "card_declined") if failed else None,
        "failure_message": (method.message or "Your card was declined.") if failed else None,
        "fraud_details": {},
        "livemode": world.livemode,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(method, status),
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method.token,
        "payment_method_details": method.details(),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None if failed else f"https://pay.stripe.com/receipts/payment/{id_}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    return world.add(charge, {"refund": method.refund} if method.refund else None)


def settle_charge(world: World, charge: Obj) -> Obj:
    """The balance transaction of a captured charge: gross is what was captured."""
    currency = charge["currency"]
    target = settlement_currency(world, currency)
    captured = charge["amount_captured"]
    amount, rate = convert(world, captured, currency, target)
    return add_transaction(
        world,
        type_="charge" if charge["id"].startswith("ch_") else "payment",
        category="charge",
        amount=amount,
        currency=target,
        source=charge["id"],
        fee=processing_fee(world, captured, currency),
        description=charge["description"],
        exchange_rate=rate,
        available_on=settles_on(world),
    )


def settle_or_wait(world: World, charge: Obj) -> None:
    """Settle now, or leave it to ``settle_captures`` where capture is asynchronous."""
    if world.settings.async_capture:
        world.note(_UNSETTLED)[charge["id"]] = None
        return
    charge["balance_transaction"] = settle_charge(world, charge)["id"]


def settle_captures(world: World) -> list[Obj]:
    """Bring the balance transactions that asynchronous capture still owes; their charges.

    Each is announced by ``charge.updated`` with ``balance_transaction`` null before
    (https://docs.stripe.com/payments/payment-intents/asynchronous-capture).
    """
    waiting = world.notes.pop(_UNSETTLED, {})
    settled: list[Obj] = []
    for id_ in waiting:
        charge = world.get("charge", id_)
        transaction = settle_charge(world, charge)
        world.update(charge, "charge.updated", balance_transaction=transaction["id"])
        settled.append(charge)
    return settled


def settled_now(world: World, charge: Obj) -> None:
    """Make sure that a charge has its balance transaction before money moves back."""
    if charge["balance_transaction"] is not None or not charge["captured"]:
        return
    world.notes.get(_UNSETTLED, {}).pop(charge["id"], None)
    transaction = settle_charge(world, charge)
    world.update(charge, "charge.updated", balance_transaction=transaction["id"])


def release(world: World, charge: Obj, amount: int) -> Obj:
    """Give back what was authorised and never captured: a refund without a transaction."""
    from_charge = charge["id"]
    refund: Obj = {
        "id": world.ids.new("re_" if from_charge.startswith("ch_") else "pyr_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": from_charge,
        "created": world.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "reversal"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    world.add(refund)
    refunded = charge["amount_refunded"] + amount
    previous = world.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, previous)
    return refund


def capture(world: World, charge: Obj, amount: int) -> None:
    """Capture an authorised charge; what is left over is released at once."""
    charge.update(captured=True, amount_captured=amount)
    settle_or_wait(world, charge)
    world.emit("charge.captured", charge)
    if amount < charge["amount"]:
        release(world, charge, charge["amount"] - amount)


def update_charge(world: World, charge: Obj, changes: dict[str, Any]) -> Obj:
    """Change what a charge lets one change, and announce it."""
    world.update(charge, "charge.updated", **changes)
    return charge
