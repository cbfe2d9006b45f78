"""Payouts: automatic ones that itemise what they hold, manual ones that don't."""

from __future__ import annotations

from .balance import add_transaction, mature, totals_of
from .clock import DAY, start_of_day
from .errors import Obj, invalid
from .params import Params, merged_metadata, required_integer, required_text, text
from .world import World


def _add(
    world: World, amount: int, currency: str, *, automatic: bool, method: str = "standard"
) -> Obj:
    id_ = world.ids.new("po_")
    transaction = add_transaction(
        world,
        type_="payout",
        category="payout",
        amount=-amount,
        currency=currency,
        source=id_,
        description="STRIPE PAYOUT",
        available_on=world.now,
    )
    payout: Obj = {
        "id": id_,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": start_of_day(world.now) + 2 * DAY,
        "automatic": automatic,
        "balance_transaction": transaction["id"],
        "created": world.now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": world.settings.payout_destination,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": world.livemode,
        "metadata": {},
        "method": method,
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }
    return world.add(payout)


def pay_out(world: World, currency: str | None = None) -> Obj | None:
    """An automatic payout of everything available in a currency; ``None`` if that is nothing.

    It holds exactly the transactions it lists: what is pending waits for the next one.
    """
    mature(world)
    chosen = currency or world.settings.settlement[0]
    transactions = world.of("balance_transaction").items
    waiting = world.unpaid.get(chosen, {})
    held = [id_ for id_ in waiting if transactions[id_]["status"] == "available"]
    amount = sum(transactions[id_]["net"] for id_ in held)
    if amount <= 0:
        return None
    payout = _add(world, amount, chosen, automatic=True)
    for id_ in held:
        del waiting[id_]
    world.by_payout[payout["id"]] = [*held, payout["balance_transaction"]]
    world.emit("payout.created", payout)
    world.update(payout, "payout.updated", reconciliation_status="completed")
    world.emit("payout.reconciliation_completed", payout)
    return payout


def create(world: World, params: Params) -> Obj:
    """``POST /v1/payouts``, a manual one; 400 ``balance_insufficient``."""
    amount = required_integer(params, "amount", minimum=1)
    currency = required_text(params, "currency").lower()
    if amount > totals_of(world, currency)["available"]:
        raise invalid(
            "You have insufficient funds in your Stripe account for this transfer.",
            "amount",
            "balance_insufficient",
        )
    method = text(params, "method", "standard")
    payout = _add(world, amount, currency, automatic=False, method=str(method))
    payout["metadata"] = merged_metadata({}, params)
    payout["description"] = text(params, "description", payout["description"])
    # The next automatic payout nets it off, so that one still holds exactly what it lists.
    world.unpaid.setdefault(currency, {})[payout["balance_transaction"]] = None
    world.emit("payout.created", payout)
    return payout


def move(world: World, payout: Obj, status: str, failure_code: str = "account_closed") -> Obj:
    """A payout goes on: ``in_transit``, ``paid``, ``failed`` (even once paid) or ``canceled``."""
    allowed = {
        "in_transit": ("pending",),
        "paid": ("pending", "in_transit"),
        "failed": ("pending", "in_transit", "paid"),
        "canceled": ("pending",),
    }
    if payout["status"] not in allowed.get(status, ()):
        raise invalid(f"Payout {payout['id']} is {payout['status']} and can't be {status}.")
    if status == "in_transit":
        world.update(payout, "payout.updated", status=status)
        return payout
    if status == "paid":
        world.change(payout, status=status)
        world.emit("payout.paid", payout)
        return payout
    failed = status == "failed"
    returned = add_transaction(
        world,
        type_="payout_failure" if failed else "payout_cancel",
        category="payout_reversal",
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        description=f"STRIPE PAYOUT {'FAILURE' if failed else 'CANCELED'}",
    )
    changes: Obj = {"status": status, "failure_balance_transaction": returned["id"]}
    if failed:
        message = "The bank account has been closed."
        changes.update(failure_code=failure_code, failure_message=message)
    world.change(payout, **changes)
    world.emit(f"payout.{status}", payout)
    return payout


def update(world: World, payout: Obj, params: Params) -> Obj:
    """``POST /v1/payouts/:id``: metadata."""
    metadata = merged_metadata(payout["metadata"], params)
    world.update(payout, "payout.updated", metadata=metadata)
    return payout
