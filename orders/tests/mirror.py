"""A small hand for tests: rows of the mirror, and a batch that says that they changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction

from orders.services.settlement import settle
from payments.changes import Change, Changes
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Dispute,
    InvoicePayment,
    MirrorObject,
    PaymentIntent,
    Refund,
    Source,
    StripeEvent,
)

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_numbers = count(1)


def at(minutes: float) -> datetime:
    """So many minutes after the tests' first moment."""
    return T0 + timedelta(minutes=minutes)


def intent(id: str = "pi_1", **values: Any) -> PaymentIntent:
    """A succeeded intent of 10.00 USD, unless ``values`` say otherwise."""
    amount = values.setdefault("amount", 1000)
    values.setdefault("status", "succeeded")
    if values["status"] == "succeeded":
        values.setdefault("amount_received", amount)
        values.setdefault("succeeded_at", at(1))
    return PaymentIntent(id=id, **common(values, 0))


def charge(id: str = "ch_1", **values: Any) -> Charge:
    """A captured charge of 10.00 USD for the intent ``pi_1``, unless ``values`` say otherwise."""
    amount = values.setdefault("amount", 1000)
    values.setdefault("status", "succeeded")
    values.setdefault("payment_intent_id", "pi_1")
    values.setdefault("captured_at", at(1) if values["status"] == "succeeded" else None)
    if values["captured_at"]:
        values.setdefault("amount_captured", amount)
    values.setdefault("captured", values["captured_at"] is not None)
    return Charge(id=id, **common(values, 0.5))


def refund(id: str = "re_1", **values: Any) -> Refund:
    """A succeeded refund of 10.00 USD of the charge ``ch_1``, unless ``values`` say otherwise."""
    values.setdefault("amount", 1000)
    values.setdefault("status", "succeeded")
    values.setdefault("charge_id", "ch_1")
    if values["status"] in ("succeeded", "failed"):
        values.setdefault("succeeded_at", at(60))
    if values["status"] == "failed":
        values.setdefault("failed_at", at(120))
    return Refund(id=id, **common(values, 60))


def dispute(id: str = "dp_1", **values: Any) -> Dispute:
    """A dispute over 10.00 USD of the charge ``ch_1``, unless ``values`` say otherwise."""
    values.setdefault("amount", 1000)
    values.setdefault("status", "needs_response")
    values.setdefault("charge_id", "ch_1")
    return Dispute(id=id, **common(values, 90))


def session(id: str = "cs_1", **values: Any) -> CheckoutSession:
    """A paid Checkout session of 10.00 USD for ``pi_1``, unless ``values`` say otherwise."""
    values.setdefault("mode", "payment")
    values.setdefault("status", "complete")
    values.setdefault("payment_status", "paid")
    values.setdefault("amount_total", 1000)
    values.setdefault("payment_intent_id", "pi_1")
    if values["payment_status"] != "unpaid" and values["status"] == "complete":
        values.setdefault("paid_at", at(1.1))
    return CheckoutSession(id=id, **common(values, -1))


def invoice_payment(id: str = "inpay_1", **values: Any) -> InvoicePayment:
    values.setdefault("invoice_id", "in_1")
    values.setdefault("payment_intent_id", "pi_1")
    values.setdefault("status", "paid")
    return InvoicePayment(id=id, **common(values, 1))


def balance_transaction(id: str, source: str, **values: Any) -> BalanceTransaction:
    values.setdefault("amount", -1000)
    values.setdefault("fee", 0)
    values.setdefault("net", values["amount"])
    values.setdefault("type", "refund")
    values.setdefault("reporting_category", "refund")
    values.setdefault("status", "available")
    values.setdefault("available_on", at(0))
    return BalanceTransaction(id=id, source=source, **common(values, 60))


def line(product: str | None = "prod_1", quantity: int = 1, total: int = 1000) -> dict[str, Any]:
    """A line item as the mirror keeps it."""
    return {
        "id": f"li_{product}",
        "description": f"One {product}",
        "quantity": quantity,
        "amount_total": total,
        "currency": "usd",
        "price": "price_1",
        "product": product,
    }


def common(values: dict[str, Any], created: float) -> dict[str, Any]:
    values.setdefault("currency", "usd")
    values.setdefault("livemode", False)
    values.setdefault("created", at(created))
    values.setdefault("as_of", values["created"])
    order = values.pop("order", None)
    if order:
        values["metadata"] = {"order": order}
    return values


def put(*objects: MirrorObject) -> Changes:
    """Write the rows as one batch does, each with an event, and settle; return the changes."""
    with transaction.atomic():
        changes = changed(objects)
        settle(changes)
    return changes


def changed(objects: Iterable[MirrorObject]) -> Changes:
    """Write the rows, each with an event; return the changes, of which nobody was told."""
    changes = Changes()
    for new in objects:
        model = type(new)
        old = model._default_manager.filter(pk=new.pk).first()
        new._state.adding = old is None
        new.save()
        event = event_of(new)
        changes.by_model.setdefault(model, {})[new.pk] = Change(old, new, event.pk)
    return changes


def event_of(obj: MirrorObject) -> StripeEvent:
    """An event that said what ``obj`` is."""
    return StripeEvent.objects.create(
        stripe_id=f"evt_{next(_numbers)}",
        source=Source.WEBHOOK,
        type=f"{obj.OBJECT}.updated",
        object_type=obj.OBJECT,
        object_id=obj.pk,
        livemode=False,
        as_of=obj.as_of,
        payload={"data": {"object": {"id": obj.pk}}},
        received_at=obj.as_of,
        status=StripeEvent.Status.PROCESSED,
        not_before=obj.as_of,
    )
