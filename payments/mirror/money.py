"""Shapes and rules of the objects that move money.

Rules are from Stripe's documentation of each object's lifecycle; the shapes cover API versions from
2017 on (https://docs.stripe.com/upgrades).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from payments.mirror.observations import Observation
from payments.mirror.parsing import (
    BadPayload,
    amount,
    count,
    currency,
    decimal,
    flag,
    from_unix,
    listed,
    moment,
    not_negative,
    objects,
    optional_amount,
    part,
    reference,
    required_word,
    text,
    word,
)
from payments.mirror.specs import Fields, Spec, Wish, first_time, latest
from payments.models import (
    BalanceTransaction,
    Charge,
    Dispute,
    PaymentIntent,
    Payout,
    Refund,
)

Json = Mapping[str, Any]


def has_succeeded(observed: Observation) -> bool:
    return bool(observed.fields["status"] == "succeeded")


def parse_payment_intent(obj: Json) -> Fields:
    charges = list(objects(obj, "charges"))  # before 2022-11-15, the newest first
    return {
        "amount": amount(obj, "amount"),
        "amount_received": optional_amount(obj, "amount_received") or 0,
        "amount_capturable": optional_amount(obj, "amount_capturable") or 0,
        "currency": currency(obj),
        "status": required_word(obj, "status"),
        "capture_method": word(obj, "capture_method"),
        "customer_id": reference(obj, "customer"),
        "latest_charge_id": reference(obj, "latest_charge")
        or (reference(charges[0], "id") if charges else None),
        "invoice_id": reference(obj, "invoice"),
        "description": text(obj, "description"),
        "receipt_email": text(obj, "receipt_email"),
        "cancellation_reason": word(obj, "cancellation_reason"),
        "canceled_at": moment(obj, "canceled_at"),
        "last_error_code": word(part(obj, "last_payment_error"), "code"),
    }


def payment_intent_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    return {
        "succeeded_at": first_time(seen, has_succeeded),
        "latest_charge_id": fields["latest_charge_id"] or latest(seen, "latest_charge_id"),
    }


def payment_intent_rank(fields: Json) -> int:
    # A failed attempt leaves the intent requires_payment_method, after processing.
    order = {"processing": 0, "requires_payment_method": 1, "requires_capture": 2}
    return order.get(fields["status"], 0)


def parse_charge(obj: Json) -> Fields:
    status = word(obj, "status") or ("succeeded" if flag(obj, "paid") else "failed")
    captured = flag(obj, "captured", default=status == "succeeded")
    amount_captured = optional_amount(obj, "amount_captured")
    if amount_captured is None:  # older versions don't have it
        amount_captured = amount(obj, "amount") if captured and status == "succeeded" else 0
    details = part(obj, "payment_method_details")
    if isinstance(obj.get("balance_transaction"), Mapping):
        moment(part(obj, "balance_transaction"), "created")  # a capture's time may be taken from it
    return {
        "amount": amount(obj, "amount"),
        "amount_captured": not_negative(amount_captured, "amount_captured"),
        "amount_refunded": optional_amount(obj, "amount_refunded") or 0,
        "currency": currency(obj),
        "status": status,
        "paid": flag(obj, "paid"),
        "captured": captured,
        "refunded": flag(obj, "refunded"),
        "disputed": flag(obj, "disputed", default=obj.get("dispute") is not None),
        "customer_id": reference(obj, "customer"),
        "payment_intent_id": reference(obj, "payment_intent"),
        "invoice_id": reference(obj, "invoice"),
        "balance_transaction_id": reference(obj, "balance_transaction"),
        "failure_balance_transaction_id": reference(obj, "failure_balance_transaction"),
        "failure_code": word(obj, "failure_code"),
        "failure_message": text(obj, "failure_message"),
        "payment_method_type": word(details, "type") or word(part(obj, "source"), "object"),
        "email": text(obj, "receipt_email") or text(part(obj, "billing_details"), "email"),
        "description": text(obj, "description"),
        "capture_before": moment(part(details, "card"), "capture_before"),
    }


def is_capture(observed: Observation) -> bool:
    fields = observed.fields
    return bool(
        fields["captured"] and fields["status"] == "succeeded" and fields["amount_captured"] > 0
    )


def charge_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    """Captured once is captured: a charge that fails later keeps what was captured, and when."""
    captures = [observed for observed in seen if is_capture(observed)]
    facts: Fields = {
        "balance_transaction_id": latest(seen, "balance_transaction_id"),
        "failure_balance_transaction_id": latest(seen, "failure_balance_transaction_id"),
        "captured_at": None,
    }
    if captures:
        facts["captured_at"] = captured_at(captures)
        facts["amount_captured"] = (
            fields["amount_captured"] or captures[-1].fields["amount_captured"]
        )
    return facts


def captured_at(captures: Sequence[Observation]) -> Any:
    """The event that says so; else its balance transaction's time; else the charge's own."""
    told = [o.as_of for o in captures if o.type in ("charge.succeeded", "charge.captured")]
    if told:
        return min(told)
    for observed in captures:
        transaction = observed.data.get("balance_transaction")
        if isinstance(transaction, Mapping) and transaction.get("created") is not None:
            return from_unix(transaction["created"], "balance_transaction.created")
    return captures[0].fields["created"] or captures[0].as_of


def charge_rank(fields: Json) -> int:
    # Never by amount_refunded: a failed refund lowers it.
    if fields["status"] == "failed":
        return 4 if fields["failure_balance_transaction_id"] else 1
    if fields["status"] == "succeeded":
        return 3 if fields["captured"] else 2
    return 0


# The first version in which every refund sends refund.* events.
REFUND_EVENTS_SINCE = "2024-10-28"


def charge_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    yield from transaction_wishes(fields, seen)
    newest = seen[-1]
    refunds = newest.data.get("refunds")
    embeds = isinstance(refunds, list) or (
        isinstance(refunds, Mapping) and not refunds.get("has_more")
    )
    old = newest.api_version and newest.api_version < REFUND_EVENTS_SINCE
    if fields["amount_refunded"] and newest.type == "charge.refunded" and old and not embeds:
        yield "charge.refunds", newest.data["id"]


def transaction_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    """There are no events of balance transactions: each is read once its id is known."""
    for name in ("balance_transaction_id", "failure_balance_transaction_id"):
        if fields[name]:
            yield "balance_transaction", fields[name]


def parse_refund(obj: Json) -> Fields:
    next_action = part(obj, "next_action")
    return {
        "amount": not_negative(amount(obj, "amount"), "amount"),
        "currency": currency(obj),
        "status": word(obj, "status", default="succeeded"),  # the oldest versions have none
        "charge_id": reference(obj, "charge"),
        "payment_intent_id": reference(obj, "payment_intent"),
        "reason": word(obj, "reason"),
        "balance_transaction_id": reference(obj, "balance_transaction"),
        "failure_balance_transaction_id": reference(obj, "failure_balance_transaction"),
        "failure_reason": word(obj, "failure_reason"),
        "pending_reason": word(obj, "pending_reason") or word(next_action, "type"),
    }


def refund_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    failures = [o for o in seen if o.fields["status"] in ("failed", "canceled")]
    events = [o.as_of for o in failures if o.is_event]
    return {
        "balance_transaction_id": latest(seen, "balance_transaction_id"),
        "failure_balance_transaction_id": latest(seen, "failure_balance_transaction_id"),
        "succeeded_at": first_time(seen, has_succeeded),
        # A read says only that it had failed by then: the refund's own time would be too early.
        "failed_at": min(events or [o.as_of for o in failures])
        if fields["status"] in ("failed", "canceled")
        else None,
    }


def refund_rank(fields: Json) -> int:
    order = {"pending": 0, "requires_action": 1, "succeeded": 2, "canceled": 2, "failed": 3}
    return order.get(fields["status"], 0)


def parse_dispute(obj: Json) -> Fields:
    evidence = part(obj, "evidence_details")
    transactions = [
        reference({"balance_transactions": entry}, "balance_transactions")
        for entry in listed(obj, "balance_transactions")
    ]
    transactions.append(reference(obj, "balance_transaction"))  # the oldest versions have one
    return {
        "amount": amount(obj, "amount"),
        "currency": currency(obj),
        "status": required_word(obj, "status"),
        "reason": word(obj, "reason"),
        "charge_id": reference(obj, "charge"),
        "payment_intent_id": reference(obj, "payment_intent"),
        "is_charge_refundable": flag(obj, "is_charge_refundable"),
        "due_by": moment(evidence, "due_by") or moment(obj, "evidence_due_by"),
        "submission_count": count(evidence, "submission_count"),
        "balance_transactions": sorted({entry for entry in transactions if entry}),
    }


def dispute_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    """A union by id: *won* and *funds reinstated* may come in one second, each with its own."""
    return {
        "balance_transactions": sorted(
            {entry for observed in seen for entry in observed.fields["balance_transactions"]}
        )
    }


def dispute_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    return [("balance_transaction", entry) for entry in fields["balance_transactions"]]


def parse_balance_transaction(obj: Json) -> Fields:
    fields: Fields = {
        "amount": amount(obj, "amount"),
        "fee": amount(obj, "fee"),
        "net": amount(obj, "net"),
        "currency": currency(obj),
        "type": required_word(obj, "type"),
        "reporting_category": word(obj, "reporting_category") or word(obj, "type"),
        "balance_type": word(obj, "balance_type", default="payments"),
        "status": required_word(obj, "status"),
        "available_on": moment(obj, "available_on") or moment(obj, "created"),
        "exchange_rate": decimal(obj, "exchange_rate", digits=24, places=12),
        "fee_details": list(objects(obj, "fee_details")),
        "description": text(obj, "description"),
        "source": reference(obj, "source") or "",
    }
    for detail in objects(obj, "fee_details"):
        amount(detail, "amount")
        word(detail, "type")
    if fields["amount"] - fields["fee"] != fields["net"]:
        raise BadPayload("net is not amount less fee")
    if fields["available_on"] is None:
        raise BadPayload("created is missing")
    return fields


def balance_transaction_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    """Which payout holds it is known only from listing the payout's transactions."""
    for observed in reversed(seen):
        if payout := reference(observed.context, "payout"):
            return {"payout_id": payout}
    return {"payout_id": None}


def parse_payout(obj: Json) -> Fields:
    return {
        "amount": amount(obj, "amount"),
        "currency": currency(obj),
        "status": required_word(obj, "status"),
        "automatic": flag(obj, "automatic", default=True),
        "arrival_date": moment(obj, "arrival_date"),
        "destination": reference(obj, "destination") or "",
        "method": word(obj, "method"),
        "type": word(obj, "type"),
        "balance_transaction_id": reference(obj, "balance_transaction"),
        "failure_balance_transaction_id": reference(obj, "failure_balance_transaction"),
        "failure_code": word(obj, "failure_code"),
        "failure_message": text(obj, "failure_message"),
        "original_payout_id": reference(obj, "original_payout"),
        "reversed_by_id": reference(obj, "reversed_by"),
        "reconciliation_status": word(obj, "reconciliation_status"),
    }


def payout_rank(fields: Json) -> int:
    order = {"pending": 0, "in_transit": 1, "paid": 2, "failed": 3, "canceled": 3}
    return order.get(fields["status"], 0)


def payout_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    yield from transaction_wishes(fields, seen)
    # Stripe can itemise automatic payouts only, once it has reconciled them.
    reconciled = fields["reconciliation_status"] in ("completed", "")
    if fields["automatic"] and fields["status"] == "paid" and reconciled:
        yield "payout.balance_transactions", str(seen[-1].data["id"])


SPECS = [
    Spec(
        model=PaymentIntent,
        parse=parse_payment_intent,
        rank=payment_intent_rank,
        absorbs=lambda fields: fields["status"] in ("succeeded", "canceled"),
        facts=payment_intent_facts,
        moves=has_succeeded,
        carries=("charges", "latest_charge"),
    ),
    Spec(
        model=Charge,
        parse=parse_charge,
        rank=charge_rank,
        facts=charge_facts,
        moves=is_capture,
        wishes=charge_wishes,
        carries=("refunds", "balance_transaction", "failure_balance_transaction", "payment_intent"),
    ),
    Spec(
        model=Refund,
        parse=parse_refund,
        rank=refund_rank,
        facts=refund_facts,
        moves=has_succeeded,
        wishes=transaction_wishes,
        carries=("charge", "balance_transaction", "failure_balance_transaction"),
    ),
    Spec(
        model=Dispute,
        parse=parse_dispute,
        facts=dispute_facts,
        wishes=dispute_wishes,
        carries=("balance_transactions", "charge"),
    ),
    Spec(
        model=BalanceTransaction,
        parse=parse_balance_transaction,
        rank=lambda fields: int(fields["status"] == "available"),
        facts=balance_transaction_facts,
    ),
    Spec(
        model=Payout,
        parse=parse_payout,
        rank=payout_rank,
        wishes=payout_wishes,
        carries=("balance_transaction",),
    ),
]
