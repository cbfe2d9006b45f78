"""Shapes of Checkout sessions, subscriptions and invoices, before and after *basil* (2025-03-31),
which moved periods to the items and links to ``parent``, and *clover* (2025-09-30), which moved a
discount's coupon to its ``source``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from payments.mirror.observations import Observation
from payments.mirror.parsing import (
    amount,
    count,
    currency,
    flag,
    listed,
    moment,
    objects,
    optional_amount,
    optional_currency,
    part,
    reference,
    required_word,
    short,
    text,
    word,
)
from payments.mirror.specs import Fields, Spec, Wish, first_time, latest
from payments.models import CheckoutSession, Invoice, InvoicePayment, Subscription

Json = Mapping[str, Any]


def parse_checkout_session(obj: Json) -> Fields:
    details, customer = part(obj, "total_details"), part(obj, "customer_details")
    lines = part(obj, "line_items") if isinstance(obj.get("line_items"), Mapping) else None
    shipping = optional_amount(details, "amount_shipping")
    if shipping is None:
        shipping = optional_amount(part(obj, "shipping_cost"), "amount_total")
    return {
        "mode": required_word(obj, "mode"),
        "status": word(obj, "status"),
        "payment_status": required_word(obj, "payment_status"),
        "currency": optional_currency(obj),
        "amount_subtotal": optional_amount(obj, "amount_subtotal"),
        "amount_total": optional_amount(obj, "amount_total"),
        "amount_discount": optional_amount(details, "amount_discount"),
        "amount_tax": optional_amount(details, "amount_tax"),
        "amount_shipping": shipping,
        "client_reference_id": short(obj, "client_reference_id"),
        "email": text(customer, "email") or text(obj, "customer_email"),
        "name": text(customer, "name"),
        "customer_id": reference(obj, "customer"),
        "payment_intent_id": reference(obj, "payment_intent"),
        "subscription_id": reference(obj, "subscription"),
        "invoice_id": reference(obj, "invoice"),
        "expires_at": moment(obj, "expires_at"),
        # A list that has more than it shows would be taken for the whole.
        "line_items": None
        if lines is None or flag(lines, "has_more")
        else [parse_line_item(line) for line in objects(obj, "line_items")],
    }


def parse_line_item(obj: Json) -> Fields:
    price = part(obj, "price") if isinstance(obj.get("price"), Mapping) else {}
    return {
        "id": reference(obj, "id"),
        "description": text(obj, "description"),
        "quantity": count(obj, "quantity") or 1,
        "amount_total": amount(obj, "amount_total"),
        "currency": currency(obj),
        "price": reference(obj, "price"),
        "product": reference(price, "product"),
    }


def is_paid(observed: Observation) -> bool:
    """Paid, or complete without anything to pay (an open session may need no payment either)."""
    fields = observed.fields
    if fields["payment_status"] == "paid":
        return True
    complete = fields["status"] == "complete" or observed.type == "checkout.session.completed"
    return bool(fields["payment_status"] == "no_payment_required" and complete)


def checkout_session_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    return {
        "line_items": latest(seen, "line_items"),
        "paid_at": first_time(seen, is_paid),
    }


def checkout_session_rank(fields: Json) -> int:
    complete = int(fields["status"] in ("complete", "expired"))
    return 2 * complete + int(fields["payment_status"] != "unpaid")


def checkout_session_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    if fields["mode"] == "payment" and fields["paid_at"] and fields["line_items"] is None:
        yield "checkout.session", str(seen[-1].data["id"])


def parse_subscription(obj: Json) -> Fields:
    items = list(objects(obj, "items"))
    starts = [moment(entry, "current_period_start") for entry in items]
    ends = [moment(entry, "current_period_end") for entry in items]
    price_currency = next((c for c in map(item_currency, items) if c), "")
    return {
        "status": required_word(obj, "status"),
        "currency": optional_currency(obj) or price_currency,
        "customer_id": reference(obj, "customer"),
        "collection_method": word(obj, "collection_method") or word(obj, "billing"),
        "start_date": moment(obj, "start_date") or moment(obj, "start"),
        "current_period_start": moment(obj, "current_period_start")
        or min((start for start in starts if start), default=None),
        "current_period_end": moment(obj, "current_period_end")
        or max((end for end in ends if end), default=None),
        "trial_start": moment(obj, "trial_start"),
        "trial_end": moment(obj, "trial_end"),
        "cancel_at": moment(obj, "cancel_at"),
        "cancel_at_period_end": flag(obj, "cancel_at_period_end"),
        "canceled_at": moment(obj, "canceled_at"),
        "ended_at": moment(obj, "ended_at"),
        "paused": bool(part(obj, "pause_collection")),
        "latest_invoice_id": reference(obj, "latest_invoice"),
        "items": [parse_subscription_item(entry) for entry in items],
        "discounts": list(parse_discounts(obj)),
    }


def item_price(obj: Json) -> Json:
    """An item's price; items of before 2020 have a plan in its place."""
    for key in ("price", "plan"):
        if isinstance(obj.get(key), Mapping):
            return part(obj, key)
    return {}


def item_currency(obj: Json) -> str:
    return optional_currency(item_price(obj))


def parse_subscription_item(obj: Json) -> Fields:
    price = item_price(obj)
    recurring = part(price, "recurring") or price  # a plan has interval and usage_type itself
    amount_key = "unit_amount" if "unit_amount" in price else "amount"
    unit = price.get(f"{amount_key}_decimal")
    if unit is None:
        unit = optional_amount(price, amount_key)
    return {
        "id": reference(obj, "id"),
        "price": reference(price, "id"),
        "product": reference(price, "product"),
        "quantity": count(obj, "quantity") if obj.get("quantity") is not None else 1,
        "unit_amount_decimal": None if unit is None else str(unit),
        "currency": optional_currency(price),
        "interval": word(recurring, "interval"),
        "interval_count": count(recurring, "interval_count") or 1,
        "usage_type": word(recurring, "usage_type", default="licensed"),
        "billing_scheme": word(price, "billing_scheme", default="per_unit"),
    }


def parse_discounts(obj: Json) -> Iterable[Fields]:
    """The discounts as id and coupon; a coupon is unknown where only the discount's id came."""
    entries = listed(obj, "discounts") or ([obj["discount"]] if obj.get("discount") else [])
    for entry in entries:
        if isinstance(entry, Mapping):
            source = part(entry, "source")
            coupon = reference(entry, "coupon") or reference(source, "coupon")
            yield {"id": reference(entry, "id"), "coupon": coupon}
        else:
            yield {"id": reference({"id": entry}, "id"), "coupon": None}


def subscription_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    for discount in fields["discounts"]:
        if discount["coupon"] is None:
            yield "subscription", str(seen[-1].data["id"])
        else:
            yield "coupon", discount["coupon"]


def subscription_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    """Payloads name discounts by id alone; their coupon, once read, stays known."""
    coupons = {
        discount["id"]: discount["coupon"]
        for observed in seen
        for discount in observed.fields["discounts"]
        if discount["coupon"]
    }
    return {
        "discounts": [
            {"id": discount["id"], "coupon": discount["coupon"] or coupons.get(discount["id"])}
            for discount in fields["discounts"]
        ]
    }


def parse_invoice(obj: Json) -> Fields:
    transitions = part(obj, "status_transitions")
    return {
        "status": word(obj, "status") or old_invoice_status(obj),
        "number": short(obj, "number"),
        "currency": currency(obj),
        "customer_id": reference(obj, "customer"),
        "subscription_id": reference(obj, "subscription")
        or reference(part(obj, "parent", "subscription_details"), "subscription"),
        "billing_reason": word(obj, "billing_reason"),
        "subtotal": optional_amount(obj, "subtotal") or 0,
        "tax": invoice_tax(obj),
        "total": optional_amount(obj, "total") or 0,
        "amount_due": optional_amount(obj, "amount_due") or 0,
        "amount_paid": optional_amount(obj, "amount_paid") or 0,
        "amount_remaining": optional_amount(obj, "amount_remaining") or 0,
        "paid_out_of_band": flag(obj, "paid_out_of_band"),
        "attempt_count": count(obj, "attempt_count"),
        "period_start": moment(obj, "period_start"),
        "period_end": moment(obj, "period_end"),
        "due_date": moment(obj, "due_date"),
        "finalized_at": moment(transitions, "finalized_at") or moment(obj, "finalized_at"),
        "paid_at": moment(transitions, "paid_at"),
        "voided_at": moment(transitions, "voided_at"),
        "lines": [parse_invoice_line(line) for line in objects(obj, "lines")],
    }


def old_invoice_status(obj: Json) -> str:
    """Before 2018-11-08 an invoice had flags in place of a status."""
    if flag(obj, "paid"):
        return "paid"
    if flag(obj, "forgiven"):
        return "uncollectible"
    return "open" if flag(obj, "attempted") or flag(obj, "closed") else "draft"


def invoice_tax(obj: Json) -> int | None:
    """The tax in whichever place the version has it; None where none does."""
    if obj.get("tax") is not None:
        return amount(obj, "tax")
    for key in ("total_taxes", "total_tax_amounts"):
        if obj.get(key) is not None:
            return sum(amount(entry, "amount") for entry in objects(obj, key))
    return None


def parse_invoice_line(obj: Json) -> Fields:
    period, parent = part(obj, "period"), part(obj, "parent")
    item = part(parent, "subscription_item_details")
    invoice_item = part(parent, "invoice_item_details")
    price = (
        reference(part(obj, "pricing", "price_details"), "price")
        or reference(obj, "price")
        or reference(obj, "plan")
    )
    return {
        "id": reference(obj, "id"),
        "amount": amount(obj, "amount"),
        "currency": optional_currency(obj),
        "price": price,
        "quantity": optional_amount(obj, "quantity"),
        "proration": flag(obj, "proration")
        or flag(item, "proration")
        or flag(invoice_item, "proration"),
        "subscription": reference(obj, "subscription")
        or reference(item, "subscription")
        or reference(invoice_item, "subscription"),
        "period_start": optional_amount(period, "start"),
        "period_end": optional_amount(period, "end"),
    }


def invoice_rank(fields: Json) -> int:
    order = {"draft": 0, "open": 1, "uncollectible": 2, "paid": 3, "void": 3}
    return order.get(fields["status"], 0)


def invoice_wishes(fields: Json, seen: Sequence[Observation]) -> Iterable[Wish]:
    """Payloads don't say which payments paid an invoice: that is listed."""
    newest = seen[-1].data
    if fields["status"] == "paid" and fields["amount_paid"] and newest.get("payments") is None:
        yield "invoice.payments", str(newest["id"])


def parse_invoice_payment(obj: Json) -> Fields:
    payment = part(obj, "payment")
    return {
        "invoice_id": reference(obj, "invoice"),
        "payment_intent_id": reference(payment, "payment_intent"),
        "charge_id": reference(payment, "charge"),
        "currency": currency(obj),
        "amount_paid": optional_amount(obj, "amount_paid"),
        "amount_requested": optional_amount(obj, "amount_requested") or 0,
        "status": required_word(obj, "status"),
        "is_default": flag(obj, "is_default"),
        "paid_at": moment(part(obj, "status_transitions"), "paid_at"),
    }


def invoice_payment_rank(fields: Json) -> int:
    return {"open": 0, "canceled": 1, "paid": 2}.get(fields["status"], 0)


SPECS = [
    Spec(
        model=CheckoutSession,
        parse=parse_checkout_session,
        rank=checkout_session_rank,
        facts=checkout_session_facts,
        moves=is_paid,
        wishes=checkout_session_wishes,
    ),
    Spec(
        model=Subscription,
        parse=parse_subscription,
        absorbs=lambda fields: fields["status"] in ("canceled", "incomplete_expired"),
        facts=subscription_facts,
        wishes=subscription_wishes,
        historical=True,
    ),
    Spec(
        model=Invoice,
        parse=parse_invoice,
        rank=invoice_rank,
        wishes=invoice_wishes,
        carries=("payments",),
    ),
    Spec(model=InvoicePayment, parse=parse_invoice_payment, rank=invoice_payment_rank),
]
