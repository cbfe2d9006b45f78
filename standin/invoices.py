"""Invoices: drafted, finalised, paid or not, and the payments that settle them."""

from __future__ import annotations

from typing import Any

from . import payment_attempts, payments
from .customers import default_payment_method
from .errors import Obj, invalid
from .invoice_drafts import Lines, draft
from .invoice_lines import item_line
from .params import Params, boolean, choice, merged_metadata, required_text, text
from .payment_methods import payment_method
from .world import World


def announce(world: World, invoice: Obj) -> None:
    """``invoice.created``."""
    world.emit("invoice.created", invoice)


def _transition(world: World, invoice: Obj, status: str, field: str, **more: Any) -> Obj:
    transitions = {**invoice["status_transitions"], field: world.now}
    return world.change(invoice, status=status, status_transitions=transitions, **more)


def finalize(world: World, invoice: Obj) -> Obj:
    """``POST /v1/invoices/:id/finalize``: numbered, and the customer's balance applied.

    A negative total becomes credit on the customer's balance, which later invoices use up.
    """
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize it.")
    customer = world.get("customer", invoice["customer"], "customer")
    before = customer["balance"]
    owed = invoice["total"] + before
    due = max(owed, 0)
    after = owed if owed < 0 else 0
    if invoice["total"] >= 0 and before > 0:
        due, after = owed, 0
    sequence = customer["next_invoice_sequence"]
    previous = _transition(
        world,
        invoice,
        "open",
        "finalized_at",
        number=f"{customer['invoice_prefix']}-{sequence:04d}",
        effective_at=world.now,
        starting_balance=before,
        ending_balance=after,
        amount_due=due,
        amount_remaining=due,
        hosted_invoice_url=f"https://invoice.stripe.com/i/{invoice['id']}",
    )
    world.change(customer, next_invoice_sequence=sequence + 1)
    if after != before:
        world.update(customer, "customer.updated", balance=after)
    world.emit("invoice.finalized", invoice)
    world.emit("invoice.updated", invoice, previous)
    if due == 0:
        mark_paid(world, invoice)
    return invoice


def payment_token(world: World, invoice: Obj) -> str | None:
    """The token that pays an invoice: its subscription's, or its customer's."""
    if invoice["default_payment_method"]:
        return str(invoice["default_payment_method"])
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    subscription = world.of("subscription").items.get(details.get("subscription") or "")
    if subscription is not None and subscription["default_payment_method"]:
        return str(subscription["default_payment_method"])
    return default_payment_method(world, invoice["customer"])


def pay(world: World, invoice: Obj, token: str | None = None, *, raises: bool = False) -> Obj:
    """Try to collect an open invoice; a decline raises 402 where ``raises``.

    The payment intent stays the same over several attempts, as Stripe's does.
    """
    if invoice["status"] == "draft":
        finalize(world, invoice)
    if invoice["status"] == "paid":
        return invoice
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"Invoice is {invoice['status']} and can't be paid.")
    method = token or payment_token(world, invoice)
    intent = ensure_intent(world, invoice, method)
    if method is None:
        world.update(invoice, "invoice.updated", attempted=True)
        return invoice
    payment_method(method)
    intent["payment_method"] = method
    payment_attempts.attempt(world, intent, raises=raises)
    if intent["status"] == "requires_action":
        world.change(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1)
        world.emit("invoice.payment_action_required", invoice)
    return invoice


def ensure_intent(world: World, invoice: Obj, method: str | None) -> Obj:
    """The payment intent of an invoice, made the first time together with its payment."""
    note = world.note(invoice["id"])
    if "payment_intent" in note:
        return world.get("payment_intent", note["payment_intent"])
    first = invoice["billing_reason"] == "subscription_create"
    intent = payments.new_intent(
        world,
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description="Subscription creation" if first else f"Invoice {invoice['number']}",
        method=method,
        receipt_email=invoice["customer_email"],
        setup_future_usage="off_session" if first else None,
    )
    payment = world.add(
        {
            "id": world.ids.new("inpay_"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_remaining"],
            "created": world.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": world.livemode,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )
    note.update(payment_intent=intent["id"], invoice_payment=payment["id"])
    world.note(intent["id"])["invoice"] = invoice["id"]
    return intent


def follow_intent(world: World, intent: Obj) -> None:
    """What the money of an intent does to the invoice that it pays."""
    invoice_id = world.notes.get(intent["id"], {}).get("invoice")
    if invoice_id is None:
        return
    invoice = world.get("invoice", invoice_id)
    if intent["status"] == "succeeded":
        payment = world.get("invoice_payment", world.notes[invoice_id]["invoice_payment"])
        world.change(
            payment,
            status="paid",
            amount_paid=intent["amount_received"],
            status_transitions={"canceled_at": None, "paid_at": world.now},
        )
        world.emit("invoice_payment.paid", payment)
        mark_paid(world, invoice, attempts=1)
    elif invoice["status"] == "open":
        previous = world.change(invoice, attempt_count=invoice["attempt_count"] + 1, attempted=True)
        world.emit("invoice.payment_failed", invoice)
        world.emit("invoice.updated", invoice, previous)
        world.notify("invoice", invoice)


def mark_paid(world: World, invoice: Obj, attempts: int = 0) -> Obj:
    """The invoice is paid: ``invoice.paid`` and, as ever, ``invoice.payment_succeeded``."""
    due = invoice["amount_due"]
    previous = _transition(
        world,
        invoice,
        "paid",
        "paid_at",
        amount_paid=due,
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + attempts,
        attempted=True,
        next_payment_attempt=None,
    )
    world.emit("invoice.updated", invoice, previous)
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    world.notify("invoice", invoice)
    return invoice


def _cancel_payment(world: World, invoice: Obj) -> None:
    note = world.notes.get(invoice["id"], {})
    if "payment_intent" not in note:
        return
    intent = world.get("payment_intent", note["payment_intent"])
    if intent["status"] not in ("succeeded", "canceled"):
        payments.cancel(world, intent, {"cancellation_reason": "void_invoice"})
        payment = world.get("invoice_payment", note["invoice_payment"])
        world.change(
            payment,
            status="canceled",
            status_transitions={"canceled_at": world.now, "paid_at": None},
        )


def void(world: World, invoice: Obj) -> Obj:
    """``POST /v1/invoices/:id/void``."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only void open invoices; this one is {invoice['status']}.")
    _cancel_payment(world, invoice)
    previous = _transition(world, invoice, "void", "voided_at", next_payment_attempt=None)
    world.emit("invoice.voided", invoice)
    world.emit("invoice.updated", invoice, previous)
    return invoice


def mark_uncollectible(world: World, invoice: Obj) -> Obj:
    """``POST /v1/invoices/:id/mark_uncollectible``."""
    if invoice["status"] != "open":
        raise invalid(f"Only open invoices can be uncollectible; this is {invoice['status']}.")
    previous = _transition(
        world,
        invoice,
        "uncollectible",
        "marked_uncollectible_at",
        next_payment_attempt=None,
    )
    world.emit("invoice.marked_uncollectible", invoice)
    world.emit("invoice.updated", invoice, previous)
    return invoice


def create(world: World, params: Params) -> Obj:
    """``POST /v1/invoices``: a draft of the customer's pending invoice items."""
    customer = required_text(params, "customer")
    world.get("customer", customer, "customer")
    currency = text(params, "currency") or world.settings.settlement[0]
    items: Lines = []
    if text(params, "pending_invoice_items_behavior", "exclude") == "include":
        items = [
            item
            for item in world.of("invoiceitem").where(customer=customer)
            if item["invoice"] is None and not item["proration"]
        ]
        currency = items[0]["currency"] if items else currency
    lines = [item_line(world, item) for item in items]
    methods = ("charge_automatically", "send_invoice")
    invoice = draft(
        world,
        customer=customer,
        lines=lines,
        reason="manual",
        currency=currency,
        collection_method=choice(params, "collection_method", methods, methods[0]),
        metadata=merged_metadata({}, params),
        days_until_due=int(params["days_until_due"]) if params.get("days_until_due") else None,
        description=text(params, "description"),
    )
    for item in items:
        world.change(item, invoice=invoice["id"])
    if "auto_advance" in params:
        invoice["auto_advance"] = boolean(params, "auto_advance")
    announce(world, invoice)
    return invoice


def update(world: World, invoice: Obj, params: Params) -> Obj:
    """``POST /v1/invoices/:id``: metadata, description, payment method."""
    changes: Obj = {"metadata": merged_metadata(invoice["metadata"], params)}
    for name in ("description", "default_payment_method"):
        if name in params:
            changes[name] = text(params, name)
    world.update(invoice, "invoice.updated", **changes)
    return invoice
