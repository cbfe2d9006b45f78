"""Disputes and inquiries: the money they take, the fee, and how they end."""

from __future__ import annotations

from . import charges
from .balance import add_transaction, convert, dispute_fee, settlement_currency
from .clock import DAY, start_of_day
from .errors import Obj, invalid
from .names import names
from .params import Params, boolean, mapping, merged_metadata
from .world import World

REASONS = frozenset(
    names(
        "bank_cannot_process check_returned credit_not_processed customer_initiated "
        "debit_not_authorized duplicate fraudulent general incorrect_account_details "
        "insufficient_funds noncompliant product_not_received product_unacceptable "
        "subscription_canceled unrecognized"
    )
)
OPENING = ("needs_response", "warning_needs_response", "prevented")
OPEN = frozenset(
    names(
        "needs_response under_review warning_needs_response warning_under_review "
        "appeal_needs_response appeal_under_review"
    )
)
_SUBMITTED = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
    "appeal_needs_response": "appeal_under_review",
}
_EVIDENCE = names(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)


def open_dispute(
    world: World,
    charge: Obj,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    status: str = "needs_response",
    due_days: int = 7,
) -> Obj:
    """A bank disputes a charge: money and fee are withdrawn unless it only inquires.

    ``prevented`` is a dispute that was resolved before the bank opened it: no money moves.
    """
    if status not in OPENING:
        raise invalid(f"A dispute can't begin as {status}.", "status")
    if reason not in REASONS:
        raise invalid(f"Unknown dispute reason: {reason}.", "reason")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} isn't captured and can't be disputed.", "charge")
    charges.settled_now(world, charge)
    # The bank asks for what wasn't refunded, or for all of it where everything was.
    left = charge["amount"] - charge["amount_refunded"] or charge["amount_captured"]
    disputed = left if amount is None else amount
    if not 0 < disputed <= charge["amount_captured"]:
        raise invalid("A dispute can't be about more than was captured.", "amount")
    inquiry = status == "warning_needs_response"
    case = {"warning_needs_response": "inquiry", "prevented": "resolution"}.get(
        status, "chargeback"
    )
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    answers = status in _SUBMITTED
    dispute: Obj = {
        "id": world.ids.new("dp_"),
        "object": "dispute",
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": start_of_day(world.now) + (due_days + 1) * DAY - 1 if answers else None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": None,
        },
        "is_charge_refundable": inquiry,
        "livemode": world.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": case,
                "network": brand,
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
    world.add(dispute)
    previous = world.change(charge, disputed=True)
    if status == "needs_response":
        _withdraw(world, dispute)
    world.emit("charge.dispute.created", dispute)
    if status == "needs_response":
        world.emit("charge.dispute.funds_withdrawn", dispute)
    if previous:
        world.emit("charge.updated", charge, previous)
    return dispute


def _withdraw(world: World, dispute: Obj) -> None:
    currency = settlement_currency(world, dispute["currency"])
    amount, rate = convert(world, dispute["amount"], dispute["currency"], currency)
    transaction = add_transaction(
        world,
        type_="adjustment",
        category="dispute",
        amount=-amount,
        currency=currency,
        source=dispute["id"],
        fee=dispute_fee(world, currency),
        fee_label="Dispute fee",
        description=f"Chargeback withdrawal for {dispute['charge']}",
        exchange_rate=rate,
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], transaction]
    world.note(dispute["charge"])["withdrawn"] = True


def _reinstate(world: World, dispute: Obj, *, return_fee: bool) -> None:
    withdrawal = dispute["balance_transactions"][0]
    transaction = add_transaction(
        world,
        type_="adjustment",
        category="dispute_reversal",
        amount=-withdrawal["amount"],
        currency=withdrawal["currency"],
        source=dispute["id"],
        fee=-withdrawal["fee"] if return_fee else 0,
        fee_label="Dispute fee refund",
        description=f"Chargeback reversal for {dispute['charge']}",
        exchange_rate=withdrawal["exchange_rate"],
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], transaction]
    world.note(dispute["charge"])["withdrawn"] = False


def _funds_are_out(dispute: Obj) -> bool:
    return len(dispute["balance_transactions"]) % 2 == 1


def update(world: World, dispute: Obj, params: Params) -> Obj:
    """``POST /v1/disputes/:id``: evidence, submitted unless ``submit`` is false, and metadata."""
    evidence = mapping(params, "evidence")
    changes: Obj = {"metadata": merged_metadata(dispute["metadata"], params)}
    submit = boolean(params, "submit", default=bool(evidence))
    if evidence or submit:
        if dispute["status"] not in _SUBMITTED:
            message = f"This dispute is {dispute['status']}: it takes no evidence."
            raise invalid(message, "evidence")
        details = {**dispute["evidence_details"]}
        if evidence:
            changes["evidence"] = {**dispute["evidence"], **evidence}
            details["has_evidence"] = True
        if submit:
            details["submission_count"] += 1
            details["submission_method"] = "manual"
            details["past_due"] = world.now > (details["due_by"] or world.now)
            changes["status"] = _SUBMITTED[dispute["status"]]
        changes["evidence_details"] = details
    world.update(dispute, "charge.dispute.updated", **changes)
    return dispute


def close(world: World, dispute: Obj) -> Obj:
    """``POST /v1/disputes/:id/close``: accept the loss."""
    if dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed.", code="dispute_already_closed")
    return resolve(world, dispute, "lost")


def resolve(world: World, dispute: Obj, status: str, *, return_fee: bool = False) -> Obj:
    """The bank decides: ``won``, ``lost``, ``warning_closed`` or ``prevented``.

    Winning brings the money back (``funds_reinstated``), and the fee where ``return_fee``.
    """
    if status not in ("won", "lost", "warning_closed", "prevented"):
        raise invalid(f"A dispute can't end as {status}.", "status")
    if dispute["status"] not in OPEN:
        raise invalid(f"Dispute {dispute['id']} is {dispute['status']} already.")
    if status == "warning_closed" and not dispute["status"].startswith("warning_"):
        raise invalid("Only an inquiry ends as warning_closed.", "status")
    previous = world.change(dispute, status=status, is_charge_refundable=False)
    if status in ("won", "prevented") and _funds_are_out(dispute):
        before = dispute["balance_transactions"]
        _reinstate(world, dispute, return_fee=return_fee)
        world.emit("charge.dispute.funds_reinstated", dispute, {"balance_transactions": before})
    world.emit("charge.dispute.closed", dispute, previous)
    return dispute


def escalate(world: World, dispute: Obj) -> Obj:
    """An inquiry becomes a chargeback: now the money is withdrawn."""
    if not dispute["status"].startswith("warning_"):
        raise invalid("Only an inquiry can be escalated.", "status")
    details = {
        **dispute["evidence_details"],
        "due_by": start_of_day(world.now) + 8 * DAY - 1,
    }
    method = dispute["payment_method_details"]
    card = {**method["card"], "case_type": "chargeback"}
    before = dispute["balance_transactions"]
    previous = world.change(
        dispute,
        status="needs_response",
        is_charge_refundable=False,
        evidence_details=details,
        payment_method_details={**method, "card": card},
    )
    _withdraw(world, dispute)
    previous["balance_transactions"] = before
    world.emit("charge.dispute.updated", dispute, previous)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def appeal(world: World, dispute: Obj) -> Obj:
    """A lost dispute is opened again: ``appeal_needs_response`` (API 2026-10-28.endive)."""
    if dispute["status"] != "lost":
        raise invalid("Only a lost dispute can be appealed.", "status")
    details = {
        **dispute["evidence_details"],
        "due_by": start_of_day(world.now) + 8 * DAY - 1,
    }
    world.update(
        dispute,
        "charge.dispute.updated",
        status="appeal_needs_response",
        evidence_details=details,
    )
    return dispute
