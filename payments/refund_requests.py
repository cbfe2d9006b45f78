"""Requests for refunds: recorded with their audit row before Stripe is asked, and what becomes of
them.

Locks are taken in one order: charges by id, then requests by id. A batch of observations has locked
the charges that it wrote before it comes to requests, and to what stands to the right (orders), so
whoever locks an order too locks the charges first (``lock_charges``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import Entry, record, record_all
from payments.changes import Changes
from payments.client import stripe_client
from payments.models import Charge, Refund, Refundable, RefundRequest
from payments.money import format_money

# The metadata of a refund that names the request it was made for.
REQUEST_KEY = "refund_request"
LONGEST_NOTE = 500  # as much as Stripe keeps under one key of metadata
Status = RefundRequest.Status


class RefundImpossible(ValueError):
    """That can't be refunded; the message says why. Nothing was recorded."""


class RequestChanged(ValueError):
    """The request isn't in a state in which that can be done to it; the message says which."""


@dataclass(frozen=True)
class Wish:
    """A refund that somebody wants: ``id`` names it, however often it is sent. ``amount`` is in
    minor units of the charge's currency, ``reason`` one of Stripe's words (``RefundReason``)."""

    id: UUID
    charge_id: str
    amount: int
    reason: str = ""
    note: str = ""

    @property
    def terms(self) -> tuple[object, ...]:
        """What two wishes of one name must have in common."""
        return self.charge_id, self.amount, self.reason, self.note


def lock_charges(ids: Iterable[str]) -> None:
    """Hold the charges' rows until the transaction ends: what is left of each stays so."""
    rows = Charge.objects.select_for_update(no_key=True).filter(pk__in=set(ids)).order_by("pk")
    list(rows.values_list("pk"))


def record_wishes(wishes: Sequence[Wish], *, now: datetime | None = None) -> list[RefundRequest]:
    """Record requests for these refunds, all or none, audited; return them in the wishes' order.

    A wish that was recorded before is returned as it stands. Call ``refund_sending`` after commit.
    A bounded number of statements.

    Raises:
        RefundImpossible: there isn't as much left of a charge, or the name stands for another wish.
        NotConfigured: there is no key, so Stripe could never be asked.
    """
    stripe_client()  # raises without a key
    now = now or timezone.now()
    with transaction.atomic():
        lock_charges(wish.charge_id for wish in wishes)
        known = RefundRequest.objects.in_bulk([wish.id for wish in wishes])
        for wish in wishes:
            if wish.id in known and terms(known[wish.id]) != wish.terms:
                raise RefundImpossible("that form was sent before, with something else in it")
        fresh = [wish for wish in wishes if wish.id not in known]
        charges = check_left(fresh)
        made = RefundRequest.objects.bulk_create(
            RefundRequest(
                id=wish.id,
                charge_id=wish.charge_id,
                amount=wish.amount,
                currency=charges[wish.charge_id].currency,
                reason=wish.reason,
                note=wish.note[:LONGEST_NOTE],
                asked_by=current_actor().user,
                asked_at=now,
                next_at=now,
            )
            for wish in fresh
        )
        record_all(
            Entry("refund_request.recorded", request, reason=request.note, after=asked(request))
            for request in made
        )
        known |= {request.pk: request for request in made}
        return [known[wish.id] for wish in wishes]


def terms(request: RefundRequest) -> tuple[object, ...]:
    return request.charge_id, request.amount, request.reason, request.note


def asked(request: RefundRequest) -> dict[str, Any]:
    """What was asked, for the audit log."""
    return {
        "charge": request.charge_id,
        "amount": request.amount,
        "currency": request.currency,
        "reason": request.reason,
        "attempt": request.attempt,
    }


def check_left(wishes: Collection[Wish]) -> dict[str, Refundable]:
    """The charges of the wishes, if that much is left of them all; the caller has locked them.

    Raises:
        RefundImpossible: it isn't; the message says what took it away.
    """
    charges = Refundable.objects.in_bulk([wish.charge_id for wish in wishes])
    wanted: dict[str, int] = defaultdict(int)
    for wish in wishes:
        wanted[wish.charge_id] += wish.amount
        charge = charges.get(wish.charge_id)
        if charge is None:
            raise RefundImpossible(f"nothing of {wish.charge_id} is captured")
        if wish.amount <= 0 or wanted[wish.charge_id] > charge.left_minor:
            raise RefundImpossible(
                f"{format_money(wish.amount, charge.currency)} can't be refunded: {left(charge)}"
            )
    return charges


def left(charge: Refundable) -> str:
    """In words, how much of a charge is left and where the rest went."""
    rest = [
        f"{format_money(amount, charge.currency)} {word}"
        for amount, word in (
            (charge.captured, "captured"),
            (charge.refunded, "refunded"),
            (charge.asked, "asked for already"),
            (charge.disputed, "disputed"),
        )
        if amount
    ]
    amount = format_money(charge.left, charge.currency)
    return f"{amount} of {charge.pk} is left ({', '.join(rest)})"


def withdraw(request_id: UUID, *, reason: str) -> RefundRequest:
    """Give up a request that certainly made no refund: one that was never sent, or was refused.

    Raises:
        RequestChanged: it may have made one.
    """
    with transaction.atomic():
        request = locked(request_id)
        if request.status not in (Status.RECORDED, Status.REFUSED):
            raise RequestChanged(f"the request is {request.get_status_display()}")
        before, request.status, request.next_at = request.status, Status.WITHDRAWN, None
        request.save(update_fields=["status", "next_at"])
        note_change("refund_request.withdrawn", request, before, reason)
    return request


def ask_again(request_id: UUID, *, reason: str, now: datetime | None = None) -> RefundRequest:
    """Have a refused request sent again, as an attempt of its own.

    Raises:
        RequestChanged: it wasn't refused.
        RefundImpossible: there isn't as much left any more.
    """
    with transaction.atomic():
        request = locked(request_id)
        if request.status != Status.REFUSED:
            raise RequestChanged(f"the request is {request.get_status_display()}")
        check_left([Wish(request.pk, request.charge_id, request.amount)])
        before = request.status
        new_attempt(request, now or timezone.now())
        note_change("refund_request.asked_again", request, before, reason)
    return request


def new_attempt(request: RefundRequest, now: datetime) -> None:
    """Let a locked request that certainly made no refund be sent under another key."""
    request.status, request.attempt = Status.RECORDED, request.attempt + 1
    request.first_sent_at, request.next_at = None, now
    request.error = request.code = ""
    request.save(
        update_fields=["status", "attempt", "first_sent_at", "next_at", "error", "code"],
    )


def locked(request_id: UUID) -> RefundRequest:
    """The request, locked after its charge.

    Raises:
        RefundRequest.DoesNotExist: there is none.
    """
    lock_charges([RefundRequest.objects.get(pk=request_id).charge_id])
    return RefundRequest.objects.select_for_update(no_key=True).get(pk=request_id)


def note_change(action: str, request: RefundRequest, before: str, reason: str = "") -> None:
    """Audit a request's new status."""
    record(
        action,
        request,
        reason=reason,
        before={"status": before},
        after={"status": str(request.status), "attempt": request.attempt},
    )


def link_refunds(changes: Changes) -> None:
    """Settle the requests whose refunds a batch has brought, by whatever way they came.

    Two statements more for a batch with such refunds. A refund that names a request of another
    charge, or one that has its refund, settles nothing.
    """
    refunds: dict[UUID, Refund] = {}
    for change in changes.of(Refund).values():
        name = request_named(change.after)
        if name:
            refunds.setdefault(name, change.after)
    if not refunds:
        return
    rows = RefundRequest.objects.select_for_update(no_key=True).filter(pk__in=list(refunds))
    settled = []
    entries = []
    for request in rows.exclude(status=Status.MADE).order_by("pk"):
        refund = refunds[request.pk]
        if refund.charge_id != request.charge_id:
            continue
        entries.append(
            Entry(
                "refund_request.made",
                request,
                before={"status": request.status},
                after={"status": "made", "refund": refund.pk},
            )
        )
        request.status, request.refund_id, request.next_at = Status.MADE, refund.pk, None
        request.error = request.code = ""
        settled.append(request)
    if settled:
        RefundRequest.objects.bulk_update(settled, ["status", "refund", "next_at", "error", "code"])
        record_all(entries)


def request_named(refund: Refund) -> UUID | None:
    """The request that the refund's metadata names, if that can be one."""
    try:
        return UUID(refund.metadata[REQUEST_KEY])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
