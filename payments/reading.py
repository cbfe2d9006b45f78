"""Fulfils the wishes of ``payments.reads``: what webhooks don't bring, read through the API.

A request is claimed in a short transaction, Stripe is called outside any, and the answers go into
the inbox like everything else that Stripe tells us.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from payments import inbox
from payments.client import (
    Json,
    NotConfigured,
    complete,
    get,
    livemode,
    object_path,
    pages,
    refusal,
    refuse_in_transaction,
    stripe_client,
)
from payments.models import CheckoutSession, InvoicePayment, ReadRequest, Source
from payments.reads import ORIGIN

logger = logging.getLogger(__name__)

CLAIM = 50  # requests claimed at once
# Longer than such a claim can take within the rate, so that no other worker reads the same.
LEASE = timedelta(minutes=10)
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=6)

Wish = tuple[str, str]  # kind and key, as ``payments.reads`` has them
Observations = Iterator[list[Json]]
Reader = Callable[[stripe.StripeClient, str], Observations]


@dataclass
class Read:
    """How many requests were read, were for objects that are gone, and failed; ``note`` says why
    nothing, or not everything, was tried."""

    read: int = 0
    missing: int = 0
    failed: int = 0
    note: str = ""


class UnknownKind(ValueError):
    """Nobody knows how to read that."""


def observed(
    obj: Json, *, as_of: datetime, api_version: str, context: Mapping[str, Any] | None = None
) -> Json:
    """``inbox.read_observation`` of this key's mode: refunds and balance transactions name none."""
    observation = inbox.read_observation(obj, as_of=as_of, api_version=api_version, context=context)
    return {**observation, "livemode": obj.get("livemode", livemode())}


def _object(folder: str, *expand: str) -> Reader:
    def read(client: stripe.StripeClient, key: str) -> Observations:
        answer = get(client, object_path(folder, key), {"expand": list(expand)} if expand else None)
        obj = complete(client, answer.body)
        yield [observed(obj, as_of=answer.as_of, api_version=answer.api_version)]

    return read


def _list(folder: str, parameter: str, *expand: str, context: str = "") -> Reader:
    """The list of ``folder`` for one ``parameter``; as ``context`` each answer names it."""

    def read(client: stripe.StripeClient, key: str) -> Observations:
        for page in pages(client, folder, {parameter: key, "expand": list(expand)}):
            yield [
                observed(
                    complete(client, obj),
                    as_of=page.as_of,
                    api_version=page.api_version,
                    context={context: key} if context else None,
                )
                for obj in page.objects
            ]

    return read


def _invoice_payments_of_intent(client: stripe.StripeClient, key: str) -> Observations:
    payment = {"type": "payment_intent", "payment_intent": key}
    for page in pages(client, "/v1/invoice_payments", {"payment": payment}):
        yield [
            observed(obj, as_of=page.as_of, api_version=page.api_version) for obj in page.objects
        ]


_sessions_of_intent = _list("/v1/checkout/sessions", "payment_intent", "data.line_items")


def _origin(client: stripe.StripeClient, key: str) -> Observations:
    """What an intent came from: its Checkout sessions and its invoice payments."""
    for part in (_sessions_of_intent, _invoice_payments_of_intent):
        try:
            yield from part(client, key)
        except stripe.StripeError as error:
            # An API without that list knows of no such origin.
            if error.http_status != 404:
                raise


READERS: dict[str, Reader] = {
    "balance_transaction": _object("/v1/balance_transactions"),
    "charge": _object("/v1/charges", "balance_transaction"),
    "charge.refunds": _list("/v1/refunds", "charge", "data.balance_transaction"),
    "checkout.session": _object("/v1/checkout/sessions", "line_items"),
    "coupon": _object("/v1/coupons"),
    "customer": _object("/v1/customers"),
    "dispute": _object("/v1/disputes"),
    "invoice": _object("/v1/invoices"),
    "invoice.payments": _list("/v1/invoice_payments", "invoice"),
    "invoice_payment": _object("/v1/invoice_payments"),
    "payment_intent": _object("/v1/payment_intents"),
    ORIGIN: _origin,
    "payout": _object("/v1/payouts"),
    "payout.balance_transactions": _list("/v1/balance_transactions", "payout", context="payout"),
    "price": _object("/v1/prices"),
    "product": _object("/v1/products"),
    "refund": _object("/v1/refunds", "balance_transaction"),
    "subscription": _object("/v1/subscriptions", "discounts"),
    "webhook_endpoint": _object("/v1/webhook_endpoints"),
}


def is_due() -> bool:
    """Whether anything waits to be read now, and there is a key to read it with."""
    return bool(settings.STRIPE_API_KEY) and (
        ReadRequest.objects.filter(not_before__lte=timezone.now()).exists()
    )


def drain(
    limit: int | None = None,
    *,
    client: stripe.StripeClient | None = None,
    only: Collection[Wish] | None = None,
) -> Read:
    """Fulfil the requests that are due, at most ``limit`` of them, and say how it went; of ``only``
    those, once each, due or not.

    A request that fails stays with its error and is tried again later, each time after a longer
    wait. Once Stripe can't be reached, or refuses the key, the rest is left for the next call.
    Without a key nothing is done.

    Raises:
        CallInTransaction: a transaction is open.
    """
    result = Read()
    try:
        client = client or stripe_client()
    except NotConfigured as error:
        result.note = str(error)
        return result
    refuse_in_transaction()
    if only is None:
        _drop_answered()
    while limit is None or limit > 0:
        claimed = _claim(CLAIM if limit is None else min(limit, CLAIM), only)
        if not claimed:
            break
        for done, request in enumerate(claimed):
            if not _fulfil(client, request, result):
                _release(claimed[done + 1 :])
                return result
        if only is not None:
            break
        if limit is not None:
            limit -= len(claimed)
    return result


def _drop_answered() -> None:
    """Let go of the origins that events have told of meanwhile: two requests for each of them."""
    intent = OuterRef("key")
    known = Exists(CheckoutSession.objects.filter(payment_intent=intent)) | Exists(
        InvoicePayment.objects.filter(payment_intent=intent)
    )
    due = ReadRequest.objects.filter(kind=ORIGIN, not_before__lte=timezone.now())
    due.filter(known).delete()


def _claim(most: int, only: Collection[Wish] | None = None) -> list[ReadRequest]:
    now = timezone.now()
    wanted = Q(not_before__lte=now)
    if only is not None:
        wanted = reduce(or_, (Q(kind=kind, key=key) for kind, key in only), Q(pk__in=()))
    with transaction.atomic():
        claimed = list(
            ReadRequest.objects.select_for_update(skip_locked=True)
            .filter(wanted)
            .order_by("not_before", "id")[:most]
        )
        ReadRequest.objects.filter(pk__in=[request.pk for request in claimed]).update(
            not_before=now + LEASE
        )
    return claimed


def _release(claimed: Iterable[ReadRequest]) -> None:
    ReadRequest.objects.filter(pk__in=[request.pk for request in claimed]).update(
        not_before=timezone.now() + FIRST_DELAY
    )


def _fulfil(client: stripe.StripeClient, request: ReadRequest, result: Read) -> bool:
    """Read one request; False if there is no point in trying others now."""
    try:
        try:
            reader = READERS.get(request.kind)
            if reader is None:
                raise UnknownKind(f"nobody knows how to read {request.kind!r}")
            for observations in reader(client, request.key):
                inbox.store(observations, Source.READ)
        except stripe.InvalidRequestError as error:
            if not is_gone(error):
                raise
            logger.warning("%s is gone from Stripe: %s", request, refusal(error))
            result.missing += 1
        else:
            result.read += 1
    except (stripe.AuthenticationError, stripe.APIConnectionError, stripe.RateLimitError) as error:
        _failed(request, refusal(error))
        result.failed += 1
        result.note = refusal(error)
        return False
    except stripe.StripeError as error:
        _failed(request, refusal(error))
        result.failed += 1
    except Exception as error:  # whatever one answer does to us, the others still get their turn
        logger.exception("reading %s failed", request)
        _failed(request, f"{type(error).__name__}: {error}")
        result.failed += 1
    else:
        _fulfilled(request)
    return True


def is_gone(error: stripe.InvalidRequestError) -> bool:
    """Whether the object isn't there; one of the other mode is, only not for this key."""
    missing = error.http_status == 404 or error.code == "resource_missing"
    return missing and "a similar object exists in" not in refusal(error)


def _fulfilled(request: ReadRequest) -> None:
    same = ReadRequest.objects.filter(pk=request.pk)
    if not same.filter(requested=request.requested).delete()[0]:
        # It was asked for again while the read was under way: that wish is still open.
        same.update(not_before=timezone.now(), attempts=0, error="")


def _failed(request: ReadRequest, error: str) -> None:
    ReadRequest.objects.filter(pk=request.pk).update(
        attempts=F("attempts") + 1,
        error=error[:2000],
        not_before=_next_try(timezone.now(), request.attempts),
    )


def _next_try(now: datetime, attempts: int) -> datetime:
    doubled: timedelta = FIRST_DELAY * 2 ** min(attempts, 16)
    return now + min(doubled, LONGEST_DELAY)
