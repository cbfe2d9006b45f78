"""Where Stripe calls."""

from __future__ import annotations

import logging

import stripe
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from payments import inbox

logger = logging.getLogger(__name__)


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """Verify, store, commit, answer; a worker does the rest.

    200 for an event that is stored (now, or already); 400 for a bad signature or body; 405 but for
    POST; 413 past 1 MiB; 503 while there is no database or no secret, so that Stripe tries again.
    """
    if request.method != "POST":
        response = refuse(405, "only POST")
        response["Allow"] = "POST"
        return response
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.STRIPE_WEBHOOK_MAX_BYTES:
        return refuse(413, f"more than {settings.STRIPE_WEBHOOK_MAX_BYTES} bytes")
    if not settings.STRIPE_WEBHOOK_SECRETS:
        return refuse(503, "STRIPE_WEBHOOK_SECRETS is not set")
    body = request.body
    if not signed(body, request.headers.get("Stripe-Signature", "")):
        return refuse(400, "no valid signature")
    try:
        key = inbox.receive(body)
        if key is not None:
            inbox.wake()
    except inbox.BadBody as error:
        return refuse(400, str(error))
    except (OperationalError, InterfaceError):
        logger.exception("an event could not be stored")
        return refuse(503, "no database")
    return JsonResponse({"received": True, "duplicate": key is None})


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
