"""Refunds: how they are asked for, how they end, and what that does to their charge."""

from __future__ import annotations

from . import charges
from .balance import add_transaction, convert, settlement_currency
from .currencies import check_amount, exponent
from .errors import Obj, bad_parameter, invalid, missing_parameter
from .params import Params, integer, merged_metadata, text
from .world import World

OUTCOMES = ("succeed", "pending", "fail_later", "insufficient_funds", "requires_action")
# The note that lists the refunds whose outcome is still to come.
_PLANNED = "planned_refunds"
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def _charge_of(world: World, params: Params) -> Obj:
    charge_id = text(params, "charge")
    if charge_id:
        return world.get("charge", charge_id, "charge")
    intent_id = text(params, "payment_intent")
    if not intent_id:
        raise missing_parameter("charge")
    intent = world.get("payment_intent", intent_id, "payment_intent")
    if intent["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            "payment_intent",
        )
    return world.get("charge", intent["latest_charge"], "charge")


def _shown(amount: int, currency: str) -> str:
    return f"{amount / 10 ** exponent(currency):.{exponent(currency)}f} {currency.upper()}"


def create(world: World, params: Params) -> Obj:
    """``POST /v1/refunds``; 400 ``charge_already_refunded``, ``charge_disputed`` or too large."""
    charge = _charge_of(world, params)
    id_, currency = charge["id"], charge["currency"]
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {id_} is not successful and can't be refunded.", "charge")
    if world.notes.get(id_, {}).get("withdrawn"):
        raise invalid(f"Charge {id_} has been charged back.", code="charge_disputed")
    remaining = charge["amount"] - charge["amount_refunded"]
    if remaining == 0:
        message = f"Charge {id_} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    amount = integer(params, "amount", remaining, minimum=1)
    assert amount is not None
    check_amount(amount, currency)
    if amount > remaining:
        raise invalid(
            f"Refund amount ({_shown(amount, currency)}) is greater than unrefunded amount on "
            f"charge ({_shown(remaining, currency)})",
            "amount",
            "amount_too_large",
        )
    reason = text(params, "reason")
    if reason is not None and reason not in REASONS:
        raise bad_parameter("Invalid reason", "reason", "parameter_invalid_enum")
    if not charge["captured"]:
        return _refund_uncaptured(world, charge, amount)
    charges.settled_now(world, charge)
    metadata = merged_metadata({}, params)
    outcome = metadata.get("standin")
    if outcome is None:
        ordered = world.take_outcome("refund") or {}
        outcome = ordered.get("outcome") or world.notes.get(id_, {}).get("refund") or "succeed"
    if outcome not in OUTCOMES:
        raise bad_parameter(f"Invalid outcome: {outcome}", "metadata", "parameter_invalid_enum")
    return _add(world, charge, amount, reason, metadata, str(outcome))


def _refund_uncaptured(world: World, charge: Obj, amount: int) -> Obj:
    if amount != charge["amount"]:
        message = "You cannot partially refund an uncaptured charge. Capture less of it instead."
        raise invalid(message, "amount")
    refund = charges.release(world, charge, amount)
    intent = world.get("payment_intent", charge["payment_intent"])
    intent.update(status="canceled", amount_capturable=0, canceled_at=world.now)
    world.emit("payment_intent.canceled", intent)
    return refund


def _add(
    world: World,
    charge: Obj,
    amount: int,
    reason: str | None,
    metadata: dict[str, str],
    outcome: str,
) -> Obj:
    card = charge["id"].startswith("ch_")
    destination: Obj = (
        {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"}
        if card
        else {"sepa_debit": {}, "type": "sepa_debit"}
    )
    status = {"succeed": "succeeded", "fail_later": "succeeded"}.get(outcome, "pending")
    refund: Obj = {
        "id": world.ids.new("re_" if card else "pyr_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": destination,
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "requires_action" if outcome == "requires_action" else status,
        "transfer_reversal": None,
    }
    if outcome == "pending":
        refund["pending_reason"] = "processing"
    elif outcome == "insufficient_funds":
        refund["pending_reason"] = "insufficient_funds"
    elif outcome == "requires_action":
        refund["next_action"] = {
            "display_details": {"email_sent": None, "expires_at": world.now + 45 * 86_400},
            "type": "display_details",
        }
    world.add(refund)
    if outcome != "succeed":
        world.note(_PLANNED)[refund["id"]] = outcome
    if outcome in ("succeed", "pending", "fail_later"):
        refund["balance_transaction"] = _withdraw(world, refund)["id"]
    refunded = charge["amount_refunded"] + amount
    previous = world.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, previous)
    return refund


def _withdraw(world: World, refund: Obj) -> Obj:
    target = settlement_currency(world, refund["currency"])
    amount, rate = convert(world, refund["amount"], refund["currency"], target)
    charge = world.get("charge", refund["charge"])
    settled = world.find(charge["balance_transaction"] or "")
    available_on = settled["available_on"] if settled else world.now
    return add_transaction(
        world,
        type_="refund" if refund["id"].startswith("re_") else "payment_refund",
        category="refund",
        amount=-amount,
        currency=target,
        source=refund["id"],
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
        exchange_rate=rate,
        available_on=max(available_on, world.now),
    )


def _announce(world: World, refund: Obj, previous: Obj) -> None:
    world.emit("refund.updated", refund, previous)
    world.emit("charge.refund.updated", refund, previous)


def succeed(world: World, refund: Obj) -> Obj:
    """A pending refund, or one that required action, arrives."""
    if refund["status"] not in ("pending", "requires_action"):
        raise invalid(f"Refund {refund['id']} is {refund['status']} and can't succeed.")
    changes: Obj = {"status": "succeeded"}
    if refund["balance_transaction"] is None:
        changes["balance_transaction"] = _withdraw(world, refund)["id"]
    previous = world.change(refund, **changes)
    for name in ("pending_reason", "next_action"):
        if name in refund:
            previous[name] = refund.pop(name)
    world.notes.get(_PLANNED, {}).pop(refund["id"], None)
    _announce(world, refund, previous)
    return refund


def fail(world: World, refund: Obj, reason: str = "expired_or_canceled_card") -> Obj:
    """A refund fails, even one that had succeeded: the money comes back today."""
    if refund["status"] in ("failed", "canceled"):
        raise invalid(f"Refund {refund['id']} is {refund['status']} and can't fail.")
    changes: Obj = {"status": "failed", "failure_reason": reason}
    withdrawn = world.find(refund["balance_transaction"] or "")
    if withdrawn is not None:
        card = refund["id"].startswith("re_")
        returned = add_transaction(
            world,
            type_="refund_failure" if card else "payment_failure_refund",
            category="refund_failure",
            amount=-withdrawn["amount"],
            currency=withdrawn["currency"],
            source=refund["id"],
            description="REFUND FAILURE",
            exchange_rate=withdrawn["exchange_rate"],
        )
        changes["failure_balance_transaction"] = returned["id"]
    previous = world.change(refund, **changes)
    for name in ("pending_reason", "next_action"):
        if name in refund:
            previous[name] = refund.pop(name)
    world.notes.get(_PLANNED, {}).pop(refund["id"], None)
    world.emit("refund.failed", refund)
    _announce(world, refund, previous)
    _give_back(world, refund)
    return refund


def _give_back(world: World, refund: Obj) -> None:
    charge = world.get("charge", refund["charge"])
    refunded = charge["amount_refunded"] - refund["amount"]
    world.update(charge, "charge.updated", amount_refunded=refunded, refunded=False)


def cancel(world: World, refund: Obj) -> Obj:
    """``POST /v1/refunds/:id/cancel``: only while it requires action."""
    if refund["status"] != "requires_action":
        raise invalid(f"Refund {refund['id']} is {refund['status']} and can't be canceled.")
    previous = world.change(refund, status="canceled")
    if "next_action" in refund:
        previous["next_action"] = refund.pop("next_action")
    world.notes.get(_PLANNED, {}).pop(refund["id"], None)
    _announce(world, refund, previous)
    _give_back(world, refund)
    return refund


def settle_planned(world: World) -> list[Obj]:
    """Take every refund with an outcome to come to its end; answers those refunds."""
    settled: list[Obj] = []
    for id_, outcome in list(world.notes.get(_PLANNED, {}).items()):
        refund = world.get("refund", id_)
        if outcome == "fail_later":
            fail(world, refund)
        elif outcome == "insufficient_funds":
            fail(world, refund, "insufficient_funds")
        else:
            succeed(world, refund)
        settled.append(refund)
    return settled


def update(world: World, refund: Obj, params: Params) -> Obj:
    """``POST /v1/refunds/:id``: metadata only."""
    metadata = merged_metadata(refund["metadata"], params)
    previous = world.change(refund, metadata=metadata)
    if previous:
        _announce(world, refund, previous)
    return refund
