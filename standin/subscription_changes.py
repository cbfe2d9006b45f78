"""Changing a subscription: quantities, prices, prorations, pauses, a later end."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from . import invoices
from .catalog import redeem
from .errors import Obj, invalid
from .invoice_drafts import draft
from .invoice_lines import price_amount, product_name, subscription_line
from .params import (
    Params,
    boolean,
    choice,
    integer,
    mapping,
    merged_metadata,
    required_text,
    sequence,
    text,
)
from .payment_methods import payment_method
from .subscription_items import items_list, new_item, period_from, plan_of, price_of
from .subscriptions import ENDED
from .world import World

PRORATIONS = ("create_prorations", "always_invoice", "none")


def update(world: World, subscription: Obj, params: Params) -> Obj:
    """``POST /v1/subscriptions/:id``; 400 once it has ended."""
    if subscription["status"] in ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details.")
    behavior = choice(params, "proration_behavior", PRORATIONS, "create_prorations")
    at = integer(params, "proration_date", world.now)
    assert at is not None
    changes: dict[str, Any] = {"metadata": merged_metadata(subscription["metadata"], params)}
    if "default_payment_method" in params:
        token = required_text(params, "default_payment_method")
        payment_method(token, "default_payment_method")
        changes["default_payment_method"] = token
    if "description" in params:
        changes["description"] = text(params, "description")
    _cancellation(world, subscription, params, changes)
    if "pause_collection" in params:
        changes["pause_collection"] = _pause(params)
    if "discounts" in params:
        changes["discounts"] = [
            entry["discount"] if entry.get("discount") else _redeemed(world, subscription, entry)
            for entry in sequence(params, "discounts")
        ]
    lines: list[Obj] = []
    if "items" in params:
        items, lines = _changed_items(world, subscription, sequence(params, "items"), at)
        changes["items"] = items_list(subscription["id"], items)
    if text(params, "trial_end") == "now" and subscription["status"] == "trialing":
        changes.update(trial_end=world.now, billing_cycle_anchor=world.now)
    world.update(subscription, "customer.subscription.updated", **changes)
    if "billing_cycle_anchor" in changes:
        world.schedule(world.now, "renew", subscription["id"])
        world.note(subscription["id"])["trial_over"] = True
    if lines and behavior != "none" and subscription["status"] != "trialing":
        _keep_prorations(world, subscription, lines)
        if behavior == "always_invoice":
            invoice_prorations(world, subscription)
    return subscription


def _redeemed(world: World, subscription: Obj, entry: Params) -> str:
    discount = redeem(
        world,
        required_text(entry, "coupon"),
        customer=subscription["customer"],
        subscription=subscription["id"],
    )
    return str(discount["id"])


def _cancellation(world: World, subscription: Obj, params: Params, changes: Obj) -> None:
    if "cancel_at_period_end" in params:
        wanted = boolean(params, "cancel_at_period_end")
        end = subscription["items"]["data"][0]["current_period_end"]
        reason = "cancellation_requested" if wanted else None
        changes.update(
            cancel_at_period_end=wanted,
            cancel_at=end if wanted else None,
            canceled_at=world.now if wanted else None,
            cancellation_details={
                **subscription["cancellation_details"],
                **mapping(params, "cancellation_details"),
                "reason": reason,
            },
        )
    if "cancel_at" in params:
        at = integer(params, "cancel_at")
        changes.update(cancel_at=at, canceled_at=world.now if at else None)
        if at:
            world.schedule(at, "cancel", subscription["id"])


def _pause(params: Params) -> Obj | None:
    pause = mapping(params, "pause_collection")
    if not pause:
        return None
    behaviors = ("keep_as_draft", "mark_uncollectible", "void")
    return {
        "behavior": choice(pause, "behavior", behaviors, ""),
        "resumes_at": integer(pause, "resumes_at"),
    }


def _changed_items(
    world: World, subscription: Obj, entries: list[Any], at: int
) -> tuple[list[Obj], list[Obj]]:
    """The new items, and the proration lines of the change."""
    items: list[Obj] = list(subscription["items"]["data"])
    lines: list[Obj] = []
    for entry in entries:
        item_id = text(entry, "id")
        position = next((n for n, item in enumerate(items) if item["id"] == item_id), None)
        if item_id and position is None:
            raise invalid(f"No such subscription item: '{item_id}'", "items[0][id]")
        if position is None:
            first = items[0]
            period = (first["current_period_start"], first["current_period_end"])
            item = new_item(
                world,
                subscription["id"],
                price_of(world, entry),
                integer(entry, "quantity", 1, minimum=0) or 0,
                period,
            )
            items.append(item)
            lines.append(_proration(world, subscription, item, at, credit=False))
            continue
        old = items[position]
        if boolean(entry, "deleted"):
            del items[position]
            lines.append(_proration(world, subscription, old, at, credit=True))
            continue
        new = dict(old)
        if "price" in entry or "price_data" in entry:
            price = price_of(world, entry)
            new.update(price=dict(price), plan=plan_of(price))
        new["quantity"] = integer(entry, "quantity", old["quantity"], minimum=0)
        if "metadata" in entry:
            new["metadata"] = merged_metadata(old["metadata"], entry)
        if (new["price"]["id"], new["quantity"]) != (old["price"]["id"], old["quantity"]):
            lines.append(_proration(world, subscription, old, at, credit=True))
            if _interval(new) != _interval(old):
                start, end = period_from(at, new["price"], at)
                new.update(current_period_start=start, current_period_end=end)
                world.schedule(end, "renew", subscription["id"])
            lines.append(_proration(world, subscription, new, at, credit=False))
        items[position] = new
    if not items:
        raise invalid("A subscription must have at least one active item.", "items")
    return items, lines


def _interval(item: Obj) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _proration(world: World, subscription: Obj, item: Obj, at: int, *, credit: bool) -> Obj:
    start, end = item["current_period_start"], item["current_period_end"]
    begin = max(at, start)
    share = Decimal(end - begin) / Decimal(max(end - start, 1))
    amount = int(
        (price_amount(item["price"], item["quantity"]) * share).quantize(
            Decimal(1), rounding=ROUND_HALF_UP
        )
    )
    name = product_name(world, item["price"])
    label = f"Unused time on {name}" if credit else f"Remaining time on {name}"
    credited: Obj | None = None
    if credit and subscription["latest_invoice"]:
        invoice = world.get("invoice", subscription["latest_invoice"])
        credited = {
            "invoice": invoice["id"],
            "invoice_line_items": [line["id"] for line in invoice["lines"]["data"]][:1],
        }
    return subscription_line(
        world,
        subscription=subscription["id"],
        item=item,
        start=begin,
        end=end,
        amount=-amount if credit else amount,
        description=f"{label} after change",
        credited=credited,
        proration=True,
        invoice_item=world.ids.new("ii_"),
    )


def _keep_prorations(world: World, subscription: Obj, lines: list[Obj]) -> None:
    """Pending until the next invoice, announced as ``invoiceitem.created``."""
    world.note(subscription["id"]).setdefault("prorations", []).extend(lines)
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        item: Obj = {
            "id": details["invoice_item"],
            "object": "invoiceitem",
            "amount": line["amount"],
            "created": world.now,
            "currency": line["currency"],
            "customer": subscription["customer"],
            "date": world.now,
            "description": line["description"],
            "discountable": False,
            "discounts": [],
            "invoice": None,
            "livemode": world.livemode,
            "metadata": {},
            "parent": {
                "subscription_details": {
                    "subscription": subscription["id"],
                    "subscription_item": details["subscription_item"],
                },
                "type": "subscription_details",
            },
            "period": line["period"],
            "pricing": line["pricing"],
            "proration": True,
            "quantity": line["quantity"],
        }
        world.add(item)
        world.emit("invoiceitem.created", item)


def take_prorations(world: World, subscription: Obj) -> list[Obj]:
    """The proration lines that the next invoice carries."""
    lines: list[Obj] = world.note(subscription["id"]).pop("prorations", [])
    return lines


def claim_prorations(world: World, invoice: Obj) -> None:
    """Say of the invoice items of an invoice's proration lines that they are on it."""
    for line in invoice["lines"]["data"]:
        details = line["parent"]["subscription_item_details"] or {}
        item = world.of("invoiceitem").items.get(details.get("invoice_item") or "")
        if item is not None:
            world.change(item, invoice=invoice["id"])


def invoice_prorations(world: World, subscription: Obj) -> Obj:
    """Invoice what is pending right away (``always_invoice``)."""
    invoice = draft(
        world,
        customer=subscription["customer"],
        lines=take_prorations(world, subscription),
        reason="subscription_update",
        currency=subscription["currency"],
        subscription=subscription,
        discounts=subscription["discounts"],
        collection_method=subscription["collection_method"],
    )
    claim_prorations(world, invoice)
    invoices.announce(world, invoice)
    world.update(subscription, "customer.subscription.updated", latest_invoice=invoice["id"])
    invoices.finalize(world, invoice)
    if invoice["status"] == "open":
        invoices.pay(world, invoice)
    return invoice
