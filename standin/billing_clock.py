"""What time does to subscriptions: trials end, periods renew, failed payments are retried."""

from __future__ import annotations

import heapq

from . import invoices
from .balance import mature
from .customers import default_payment_method
from .errors import Obj, invalid
from .invoice_drafts import draft
from .invoice_lines import subscription_line
from .subscription_changes import claim_prorations, take_prorations
from .subscription_items import items_list, period_from
from .subscriptions import (
    ENDED,
    cancel_now,
    end_once_discounts,
    expire,
)
from .world import World

_DECLINED = "pm_card_chargeDeclined"


def run_due(world: World, until: int, *, move_clock: bool) -> int:
    """Do everything that is due up to ``until``, in the order of time; answers how many.

    With ``move_clock`` each thing happens at its own moment, else all of it happens now.
    """
    done = 0
    while world.due and world.due[0][0] <= until:
        at, _, action, id_ = heapq.heappop(world.due)
        if move_clock and at > world.now:
            world.clock.set(at)
            mature(world)
        done += _perform(world, at, action, id_)
    return done


def _perform(world: World, at: int, action: str, id_: str) -> int:
    if action == "retry":
        invoice = world.of("invoice").items.get(id_)
        if invoice is None or invoice["status"] != "open":
            return 0
        if invoice["next_payment_attempt"] != at:
            return 0
        retry(world, invoice)
        return 1
    subscription = world.of("subscription").items.get(id_)
    if subscription is None or subscription["status"] in ENDED:
        return 0
    if action == "expire":
        expire(world, subscription)
    elif action == "cancel":
        if subscription["cancel_at"] != at:
            return 0
        cancel_now(world, subscription)
    elif action == "trial_will_end":
        if subscription["status"] == "trialing":
            world.emit("customer.subscription.trial_will_end", subscription)
    elif subscription["status"] == "paused":
        return 0
    else:
        early = world.notes.get(id_, {}).pop("trial_over", False)
        if subscription["items"]["data"][0]["current_period_end"] != at and not early:
            return 0  # The period was changed since: another entry stands for it.
        renew(world, subscription, start=at)
    return 1


def retry(world: World, invoice: Obj, outcome: str | None = None) -> Obj:
    """Try again to collect an invoice; ``outcome`` is ``paid`` or ``failed`` if it is forced."""
    return invoices.pay(world, invoice, _forced(world, outcome))


def _forced(world: World, outcome: str | None) -> str | None:
    ordered = world.take_outcome("invoice") if outcome is None else {"outcome": outcome}
    forced = (ordered or {}).get("outcome")
    if forced is None:
        return None
    if forced not in ("paid", "failed", "processing", "requires_action"):
        raise invalid(f"An invoice can't come out as {forced}.", "outcome")
    tokens = {
        "paid": "pm_card_visa",
        "failed": _DECLINED,
        "processing": "pm_sepa",
        "requires_action": "pm_card_authenticationRequired",
    }
    return tokens[forced]


def renew(
    world: World, subscription: Obj, *, start: int | None = None, outcome: str | None = None
) -> Obj | None:
    """Begin the next period and collect for it; ``None`` if the subscription ends instead.

    ``outcome`` forces the payment: ``paid``, ``failed``, ``processing``, ``requires_action``.
    """
    if subscription["status"] in ENDED:
        raise invalid(f"Subscription {subscription['id']} has ended.")
    items = subscription["items"]["data"]
    begin = items[0]["current_period_end"] if start is None else start
    if subscription["cancel_at_period_end"]:
        cancel_now(world, subscription)
        return None
    was_trial = subscription["status"] == "trialing"
    if was_trial and _pauses(world, subscription):
        world.update(subscription, "customer.subscription.updated", status="paused")
        world.emit("customer.subscription.paused", subscription)
        return None
    anchor = begin if was_trial else subscription["billing_cycle_anchor"]
    first = items[0]
    _, end = period_from(begin, first["price"], anchor)
    moved = [{**item, "current_period_start": begin, "current_period_end": end} for item in items]
    world.schedule(end, "renew", subscription["id"])
    extra = take_prorations(world, subscription)
    lines = extra + [
        subscription_line(world, subscription=subscription["id"], item=item, start=begin, end=end)
        for item in moved
    ]
    end_repeating = [
        id_
        for id_ in subscription["discounts"]
        if (world.get("discount", id_)["end"] or world.now + 1) > world.now
    ]
    invoice = draft(
        world,
        customer=subscription["customer"],
        lines=lines,
        reason="subscription_cycle",
        currency=subscription["currency"],
        subscription=subscription,
        discounts=end_repeating,
        period=(first["current_period_start"], begin),
        collection_method=subscription["collection_method"],
        days_until_due=subscription["days_until_due"],
    )
    claim_prorations(world, invoice)
    changes: Obj = {
        "items": items_list(subscription["id"], moved),
        "latest_invoice": invoice["id"],
        "billing_cycle_anchor": anchor,
    }
    if was_trial:
        changes["status"] = "active"
    world.update(subscription, "customer.subscription.updated", **changes)
    invoices.announce(world, invoice)
    end_once_discounts(world, subscription)
    _collect(world, subscription, invoice, outcome)
    return invoice


def _pauses(world: World, subscription: Obj) -> bool:
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    token = subscription["default_payment_method"] or default_payment_method(
        world, subscription["customer"]
    )
    return bool(behavior == "pause") and token is None


def _collect(world: World, subscription: Obj, invoice: Obj, outcome: str | None) -> None:
    pause = subscription["pause_collection"]
    if pause is not None and pause["resumes_at"] and pause["resumes_at"] <= world.now:
        world.update(subscription, "customer.subscription.updated", pause_collection=None)
        pause = None
    if subscription["status"] == "unpaid" or (pause and pause["behavior"] == "keep_as_draft"):
        return  # https://docs.stripe.com/billing/subscriptions/overview: drafts pile up.
    invoices.finalize(world, invoice)
    if invoice["status"] != "open" or subscription["collection_method"] == "send_invoice":
        return
    if pause:
        if pause["behavior"] == "void":
            invoices.void(world, invoice)
        else:
            invoices.mark_uncollectible(world, invoice)
        return
    retry(world, invoice, outcome)


def resume(world: World, subscription: Obj) -> Obj:
    """``POST /v1/subscriptions/:id/resume``: a paused subscription is billed again."""
    if subscription["status"] != "paused":
        raise invalid("Only a paused subscription can be resumed.")
    begin = world.now
    items = subscription["items"]["data"]
    _, end = period_from(begin, items[0]["price"], begin)
    moved = [{**item, "current_period_start": begin, "current_period_end": end} for item in items]
    lines = [
        subscription_line(world, subscription=subscription["id"], item=item, start=begin, end=end)
        for item in moved
    ]
    invoice = draft(
        world,
        customer=subscription["customer"],
        lines=lines,
        reason="subscription_cycle",
        currency=subscription["currency"],
        subscription=subscription,
        discounts=subscription["discounts"],
    )
    world.schedule(end, "renew", subscription["id"])
    previous = world.change(
        subscription,
        status="active",
        billing_cycle_anchor=begin,
        latest_invoice=invoice["id"],
        items=items_list(subscription["id"], moved),
    )
    world.emit("customer.subscription.updated", subscription, previous)
    world.emit("customer.subscription.resumed", subscription)
    invoices.announce(world, invoice)
    _collect(world, subscription, invoice, None)
    return subscription


def end_with_customer(world: World, customer: Obj) -> None:
    """A customer was deleted: its subscriptions end at once."""
    for subscription in list(world.of("subscription").where(customer=customer["id"])):
        if subscription["status"] not in ENDED:
            cancel_now(world, subscription)
