"""Subscriptions: how they begin, how invoices move them, how they end."""

from __future__ import annotations

from . import invoices
from .catalog import coupon_terms, redeem
from .clock import DAY
from .customers import default_payment_method
from .errors import ApiError, Obj, invalid, missing_parameter
from .invoice_drafts import draft
from .invoice_lines import subscription_line
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
from .subscription_items import items_list, new_item, period_from, price_of
from .world import World

BEHAVIORS = (
    "allow_incomplete",
    "default_incomplete",
    "error_if_incomplete",
    "pending_if_incomplete",
)
ENDED = ("canceled", "incomplete_expired")
_INCOMPLETE_FOR = 23 * 3600


def _trial_end(world: World, params: Params, price: Obj) -> int | None:
    asked = params.get("trial_end")
    if asked not in (None, "", "now"):
        return integer(params, "trial_end")
    days = integer(params, "trial_period_days", minimum=1)
    if days is None and boolean(params, "trial_from_plan"):
        days = price["recurring"].get("trial_period_days")
    return None if days is None else world.now + days * DAY


def create(world: World, params: Params) -> Obj:
    """``POST /v1/subscriptions``: the first invoice is made and, unless it is free, collected.

    402 ``card_error`` for a decline with ``error_if_incomplete``; 400 without a method to pay.
    """
    customer = required_text(params, "customer")
    world.get("customer", customer, "customer")
    entries = sequence(params, "items")
    if not entries:
        raise missing_parameter("items")
    behavior = choice(params, "payment_behavior", BEHAVIORS, "allow_incomplete")
    method = text(params, "default_payment_method")
    if method:
        payment_method(method, "default_payment_method")
    priced = [(price_of(world, entry), integer(entry, "quantity", 1) or 0) for entry in entries]
    first = priced[0][0]
    if first["recurring"] is None:
        raise invalid("The price specified is set to `type=one_time`.", "items[0][price]")
    trial_end = _trial_end(world, params, first)
    collection = choice(
        params,
        "collection_method",
        ("charge_automatically", "send_invoice"),
        "charge_automatically",
    )
    payable = method or default_payment_method(world, customer)
    automatic = collection == "charge_automatically"
    if trial_end is None and not payable and automatic and behavior != "default_incomplete":
        raise invalid(
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
    id_ = world.ids.new("sub_")
    anchor = trial_end or world.now
    period = (world.now, trial_end) if trial_end else period_from(world.now, first, world.now)
    items = [new_item(world, id_, price, quantity, period) for price, quantity in priced]
    end_behavior = mapping(mapping(params, "trial_settings"), "end_behavior")
    subscription: Obj = {
        "id": id_,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": period[1] if boolean(params, "cancel_at_period_end") else None,
        "cancel_at_period_end": boolean(params, "cancel_at_period_end"),
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": collection,
        "created": world.now,
        "currency": first["currency"],
        "customer": customer,
        "customer_account": None,
        "days_until_due": integer(params, "days_until_due"),
        "default_payment_method": method,
        "default_source": None,
        "default_tax_rates": [],
        "description": text(params, "description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": items_list(id_, items),
        "latest_invoice": None,
        "livemode": world.livemode,
        "managed_payments": {"enabled": False},
        "metadata": merged_metadata({}, params),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": world.now,
        "status": "trialing" if trial_end else ("incomplete" if automatic else "active"),
        "test_clock": None,
        "transfer_data": None,
        "trial_end": trial_end,
        "trial_settings": {
            "end_behavior": {
                "missing_payment_method": end_behavior.get(
                    "missing_payment_method", "create_invoice"
                )
            }
        },
        "trial_start": world.now if trial_end else None,
    }
    world.add(subscription)
    subscription["discounts"] = [
        redeem(world, required_text(entry, "coupon"), customer=customer, subscription=id_)["id"]
        for entry in sequence(params, "discounts")
    ]
    customer_obj = world.get("customer", customer, "customer")
    if customer_obj["currency"] is None:
        customer_obj["currency"] = first["currency"]
    try:
        _first_invoice(world, subscription, period, behavior)
    finally:
        _schedule(world, subscription)
    return subscription


def _schedule(world: World, subscription: Obj) -> None:
    if subscription["status"] in ENDED:
        return
    id_ = subscription["id"]
    end = subscription["items"]["data"][0]["current_period_end"]
    if subscription["status"] == "incomplete":
        world.schedule(world.now + _INCOMPLETE_FOR, "expire", id_)
    trial_end = subscription["trial_end"]
    if trial_end is not None:
        world.schedule(max(world.now, trial_end - 3 * DAY), "trial_will_end", id_)
    world.schedule(end, "renew", id_)


def _first_invoice(world: World, subscription: Obj, period: tuple[int, int], behavior: str) -> None:
    trial = subscription["status"] == "trialing"
    lines = [
        subscription_line(
            world,
            subscription=subscription["id"],
            item=item,
            start=period[0],
            end=period[1],
            amount=0 if trial else None,
            description=f"Trial period for {item['price']['product']}" if trial else None,
        )
        for item in subscription["items"]["data"]
    ]
    invoice = draft(
        world,
        customer=subscription["customer"],
        lines=lines,
        reason="subscription_create",
        currency=subscription["currency"],
        subscription=subscription,
        discounts=[] if trial else subscription["discounts"],
        collection_method=subscription["collection_method"],
        days_until_due=subscription["days_until_due"],
    )
    subscription["latest_invoice"] = invoice["id"]
    world.emit("customer.subscription.created", subscription)
    invoices.announce(world, invoice)
    invoices.finalize(world, invoice)
    if not trial:
        end_once_discounts(world, subscription)
    if invoice["status"] == "paid" or subscription["collection_method"] == "send_invoice":
        return
    if behavior == "default_incomplete":
        invoices.ensure_intent(world, invoice, None)
        return
    try:
        invoices.pay(world, invoice, raises=behavior == "error_if_incomplete")
    except ApiError:
        invoices.void(world, invoice)
        expire(world, subscription)
        raise


def end_once_discounts(world: World, subscription: Obj) -> None:
    """Drop discounts that are used up: ``once`` after an invoice, ``repeating`` after its end."""
    kept: list[str] = []
    for discount_id in subscription["discounts"]:
        discount = world.get("discount", discount_id)
        once = coupon_terms(world, discount["source"]["coupon"])["duration"] == "once"
        over = discount["end"] is not None and discount["end"] <= world.now
        if once or over:
            world.emit("customer.discount.deleted", discount)
        else:
            kept.append(discount_id)
    if kept != subscription["discounts"]:
        world.update(subscription, "customer.subscription.updated", discounts=kept)


def follow_invoice(world: World, invoice: Obj) -> None:
    """What a paid invoice, or a failed payment of it, does to its subscription."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    subscription = world.of("subscription").items.get(details.get("subscription") or "")
    if subscription is None or subscription["status"] in ENDED:
        return
    status = subscription["status"]
    if invoice["status"] == "paid":
        if status in ("incomplete", "past_due", "unpaid"):
            world.update(subscription, "customer.subscription.updated", status="active")
        return
    if status != "incomplete":
        if status in ("active", "trialing"):
            world.update(subscription, "customer.subscription.updated", status="past_due")
        attempts = invoice["attempt_count"]
        waits = world.settings.dunning_days
        if attempts <= len(waits):
            at = world.now + waits[attempts - 1] * DAY
            world.update(invoice, "invoice.updated", next_payment_attempt=at)
            world.schedule(at, "retry", invoice["id"])
        else:
            _end_dunning(world, subscription, invoice)


def _end_dunning(world: World, subscription: Obj, invoice: Obj) -> None:
    world.update(invoice, "invoice.updated", next_payment_attempt=None)
    end = world.settings.dunning_end
    if end == "canceled":
        cancel_now(world, subscription, reason="payment_failed")
    elif end == "unpaid":
        world.update(subscription, "customer.subscription.updated", status="unpaid")


def expire(world: World, subscription: Obj) -> None:
    """A first payment never came: ``incomplete_expired``."""
    if subscription["status"] != "incomplete":
        return
    world.update(
        subscription,
        "customer.subscription.updated",
        status="incomplete_expired",
        ended_at=world.now,
    )
    invoice = world.of("invoice").items.get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        invoices.void(world, invoice)


def cancel_now(
    world: World,
    subscription: Obj,
    *,
    reason: str = "cancellation_requested",
    details: Obj | None = None,
) -> Obj:
    """End a subscription at once: ``customer.subscription.deleted``."""
    if subscription["status"] in ENDED:
        raise invalid(f"No such subscription: '{subscription['id']}'", code="resource_missing")
    given = {"comment": None, "feedback": None, **(details or {}), "reason": reason}
    world.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or world.now,
        ended_at=world.now,
        cancellation_details=given,
    )
    world.emit("customer.subscription.deleted", subscription)
    return subscription


def cancel(world: World, subscription: Obj, params: Params) -> Obj:
    """``DELETE /v1/subscriptions/:id``."""
    return cancel_now(world, subscription, details=mapping(params, "cancellation_details"))
