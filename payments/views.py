"""Where Stripe calls."""

from __future__ import annotations

import logging

import stripe
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from procrastinate.exceptions import ProcrastinateException

from auditlog.access import anyone
from payments import inbox
from payments.entries import BadBody
from payments.slow_bodies import watched

logger = logging.getLogger(__name__)


@anyone  # who signs with the endpoint's secret
@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """Verify, store, commit, answer; a worker does the rest.

    200 for an event that is stored (now, or already); 400 for a bad signature or body, or an event
    of the mode that the key isn't of; 405 but for POST; 408 for a body that takes too long; 413
    past 1 MiB; 503 while there is no secret or no database that is up and migrated, so that Stripe
    tries again.
    """
    if request.method != "POST":
        response = refuse(405, "only POST")
        response["Allow"] = "POST"
        return response
    if not settings.STRIPE_WEBHOOK_SECRETS:
        return refuse(503, "STRIPE_WEBHOOK_SECRETS is not set")
    try:
        seconds = settings.STRIPE_WEBHOOK_BODY_SECONDS
        with watched(request.META.get("gunicorn.socket"), seconds) as watch:
            body = body_of(request)
        if watch and watch.late:
            return refuse(408, f"the body took longer than {seconds} seconds")
    except OSError:  # the sender went away, or its chunks are none
        return refuse(400, "the body did not arrive whole")
    if body is None:
        return refuse(413, f"more than {settings.STRIPE_WEBHOOK_MAX_BYTES} bytes")
    if not signed(body, request.headers.get("Stripe-Signature", "")):
        return refuse(400, "no valid signature")
    try:
        key = inbox.receive(body)
    except BadBody as error:
        return refuse(400, str(error))
    except (DatabaseError, InterfaceError):
        logger.exception("an event could not be stored")
        return refuse(503, "the database can't take it now")
    if key is not None:
        try:
            inbox.wake()
        except (DatabaseError, InterfaceError, ProcrastinateException):
            logger.exception("no worker could be woken: the event waits for the schedule")
    return JsonResponse({"received": True, "duplicate": key is None})


def body_of(request: HttpRequest) -> bytes | None:
    """The raw body, or None where it is too long.

    Raises:
        OSError: it didn't arrive.
    """
    most = settings.STRIPE_WEBHOOK_MAX_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > most:
        return None
    if request.META.get("HTTP_TRANSFER_ENCODING") and request.META.get("wsgi.input_terminated"):
        # In chunks, from a proxy that doesn't wait for the end; Django takes it for empty.
        body: bytes = request.META["wsgi.input"].read(most + 1)
        return body if len(body) <= most else None
    return request.body


def signed(body: bytes, header: str) -> bool:
    """Whether any of our secrets signed the body within the tolerance. Several secrets are valid
    at once while one is rotated."""
    if not header.isascii():
        return False
    try:
        payload = body.decode()
    except UnicodeDecodeError:
        return False
    tolerance = int(settings.STRIPE_WEBHOOK_TOLERANCE.total_seconds())
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(payload, header, secret, tolerance)
        except stripe.SignatureVerificationError:
            continue
        return True
    return False


def refuse(status: int, reason: str) -> JsonResponse:
    """A refusal by name. Not logged each: anybody can send bad signatures by the thousand."""
    response = JsonResponse({"error": reason}, status=status)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
