"""Sends recorded refund requests to Stripe, and finds out what became of those without an answer.

A request is claimed in a short transaction with a lease, Stripe is asked outside any, and the
request is settled by the refund that comes in (``refund_requests.link_refunds``), whether it is the
answer, a webhook or a list that brings it. A process that dies in between leaves a request that is
*unknown*; when its lease is over, it is asked again under the same idempotency key, which makes no
second refund (https://docs.stripe.com/api/idempotent_requests). Stripe may forget a key after a
day, so from 23 hours on the charge's refunds are listed instead, and only if none of them names the
request does another attempt begin, with another key.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import stripe
from django.db import transaction
from django.utils import timezone

from payments import reads
from payments.client import (
    NotConfigured,
    pages,
    refusal,
    refuse_in_transaction,
    stripe_client,
)
from payments.models import RefundRequest
from payments.reading import observed
from payments.refund_requests import REQUEST_KEY, Wish, new_attempt, note_change, record_wishes
from payments.refunds import (
    RefundError,
    RefundNotAsked,
    RefundOutcomeUnknown,
    RefundRefused,
    ask_refund,
    take_in,
)

logger = logging.getLogger(__name__)

# How long the same key may be used from its first sending on.
SAME_KEY_FOR = timedelta(hours=23)
# Longer than a call can take with all its waits, so that nobody else has the request meanwhile.
LEASE = timedelta(minutes=20)
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
Status = RefundRequest.Status


@dataclass
class Sent:
    """How many requests were sent or looked for; ``note`` says why not all of those that wait."""

    sent: int = 0
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """A request in our hands. ``sent_before`` says whether an earlier try of this attempt may have
    reached Stripe."""

    request: RefundRequest
    sent_before: bool
    now: datetime

    @property
    def key_is_fresh(self) -> bool:
        return self.now - (self.request.first_sent_at or self.now) < SAME_KEY_FOR


def send_due(*, now: datetime | None = None) -> Sent:
    """Send all requests that are due, those that have waited longest first.

    Once Stripe can't be reached, or lets nothing through, the rest is left for the next call.

    Raises:
        CallInTransaction: a transaction is open.
    """
    return send(None, hasty=False, deadline=None, now=now)


def send_now(ids: Collection[UUID], *, within: timedelta = timedelta(seconds=8)) -> Sent:
    """Send these requests while somebody waits, as many as can be begun in ``within``; the job
    takes care of the others, and of those that Stripe didn't answer."""
    return send(ids, hasty=True, deadline=timezone.now() + within, now=None)


def refund_charge(wish: Wish) -> RefundRequest:
    """Ask Stripe for a refund of a charge that may belong to no order; return the request as it
    stands after a bounded wait. Not to be called within a transaction.

    Raises:
        RefundImpossible, NotConfigured: as ``refund_requests.record_wishes``.
    """
    record_wishes([wish])
    send_now([wish.id])
    return RefundRequest.objects.select_related("refund").get(pk=wish.id)


def send(
    ids: Collection[UUID] | None,
    *,
    hasty: bool,
    deadline: datetime | None,
    now: datetime | None,
) -> Sent:
    result = Sent()
    try:
        client = stripe_client(hasty=hasty)
    except NotConfigured as error:
        result.note = str(error)
        return result
    refuse_in_transaction()
    while deadline is None or timezone.now() < deadline:
        claimed = claim(ids, now or timezone.now())
        if claimed is None:
            break
        result.sent += 1
        result.note = handle(client, claimed)
        if result.note:
            break
    return result


def claim(ids: Collection[UUID] | None, now: datetime) -> Claim | None:
    """Take one request that is due and that nobody else has; None where there is none.

    From here on it counts as sent: if we die before the answer is kept, nobody would know.
    """
    with transaction.atomic():
        due = RefundRequest.objects.select_for_update(skip_locked=True, no_key=True).filter(
            status__in=RefundRequest.OPEN, next_at__lte=now
        )
        if ids is not None:
            due = due.filter(pk__in=ids)
        request = due.order_by("next_at", "id").first()
        if request is None:
            return None
        sent_before = request.first_sent_at is not None
        if not sent_before:
            request.first_sent_at, request.status = now, Status.UNKNOWN
        request.next_at, request.tries = now + LEASE, request.tries + 1
        request.save(update_fields=["status", "first_sent_at", "next_at", "tries"])
    return Claim(request, sent_before, now)


def handle(client: stripe.StripeClient, claimed: Claim) -> str:
    """Ask for the request's refund, or look for it; return why others needn't be tried now."""
    try:
        if claimed.key_is_fresh:
            return ask(client, claimed)
        look_for(client, claimed)
    except stripe.StripeError as error:  # of the list
        put_off(claimed, refusal(error), error.code or "")
        return refusal(error)
    except Exception as error:
        # Whatever it was, it came after the request had left: its outcome isn't known.
        logger.exception("%s failed", claimed.request)
        put_off(claimed, f"{type(error).__name__}: {error}", "")
    return ""


def ask(client: stripe.StripeClient, claimed: Claim) -> str:
    try:
        refund = ask_refund(client, claimed.request)
    except RefundNotAsked as error:
        put_off(claimed, str(error), error.code, nothing_sent=not claimed.sent_before)
        return str(error)
    except RefundRefused as error:
        if claimed.sent_before:
            # An earlier try may have made it, and this refusal be about what that one took.
            look_for(client, claimed, refused=error)
        else:
            refuse(claimed, error)
    except RefundOutcomeUnknown as error:
        # The list may show it before the key is used up; webhooks show it too.
        reads.request([("charge.refunds", claimed.request.charge_id)])
        put_off(claimed, str(error), error.code)
        return str(error) if isinstance(error.__cause__, stripe.APIConnectionError) else ""
    else:
        # Settled by now, unless another worker has the refund in hand and settles it next.
        put_off(claimed, f"Stripe made {refund['id']}, which is being taken in", "")
    return ""


def look_for(
    client: stripe.StripeClient, claimed: Claim, *, refused: RefundError | None = None
) -> None:
    """List the charge's refunds and settle the request by the one that names it.

    Where none does, it certainly made none: it was refused, or another attempt begins.
    """
    request = claimed.request
    found = False
    for page in pages(
        client,
        "/v1/refunds",
        {"charge": request.charge_id, "expand": ["data.balance_transaction"]},
    ):
        take_in(
            [
                observed(refund, as_of=page.as_of, api_version=page.api_version)
                for refund in page.objects
            ]
        )
        found |= any(
            (refund.get("metadata") or {}).get(REQUEST_KEY) == str(request.pk)
            for refund in page.objects
        )
    if found:
        put_off(claimed, "Stripe lists its refund, which is being taken in", "")
    elif refused is not None:
        refuse(claimed, refused)
    else:
        with transaction.atomic():
            held = still_ours(claimed)
            if held is not None:
                before = held.status
                new_attempt(held, claimed.now)
                note_change("refund_request.not_at_stripe", held, before)


def refuse(claimed: Claim, error: RefundError) -> None:
    """Stripe said no, and made nothing."""
    with transaction.atomic():
        held = still_ours(claimed)
        if held is not None:
            before, held.status, held.next_at = held.status, Status.REFUSED, None
            held.error, held.code = str(error), error.code[:64]
            held.save(update_fields=["status", "next_at", "error", "code"])
            note_change("refund_request.refused", held, before, str(error))


def put_off(claimed: Claim, error: str, code: str, *, nothing_sent: bool = False) -> None:
    """Try again later, each time after a longer wait."""
    with transaction.atomic():
        held = still_ours(claimed)
        if held is None:
            return
        if nothing_sent:
            held.status, held.first_sent_at = Status.RECORDED, None
        held.next_at = claimed.now + min(FIRST_DELAY * 2 ** min(held.tries - 1, 16), LONGEST_DELAY)
        held.error, held.code = error[:2000], code[:64]
        held.save(update_fields=["status", "first_sent_at", "next_at", "error", "code"])


def still_ours(claimed: Claim) -> RefundRequest | None:
    """The claimed request, locked, unless it was settled or claimed by another meanwhile."""
    return (
        RefundRequest.objects.select_for_update(no_key=True)
        .filter(
            pk=claimed.request.pk,
            status__in=RefundRequest.OPEN,
            attempt=claimed.request.attempt,
            tries=claimed.request.tries,
        )
        .first()
    )
