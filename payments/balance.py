"""Stripe's own balance, read beside the list of balance transactions to compare them by.

It has no events and no history: what it was at a moment is known only to who asked at that moment.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import stripe
from django.utils import timezone

from payments import inbox
from payments.client import Answer, Json, get
from payments.models import Source
from payments.reading import is_gone, observed

PATH = "/v1/balance"
# An answer that took longer is of nobody knows which moment.
SLOWEST = timedelta(seconds=30)


def ask(client: stripe.StripeClient) -> Answer | None:
    """Stripe's balance now; None where this API has none, or the answer was long in coming.

    Raises:
        stripe.StripeError: Stripe refuses it, or can't be reached.
    """
    try:
        answer = get(client, PATH)
    except stripe.InvalidRequestError as error:
        if is_gone(error):
            return None
        raise
    known = answer.body.get("object") == "balance"  # as the oldest shapes have it not
    return answer if known and timezone.now() - answer.as_of <= SLOWEST else None


def keep(answer: Answer, *, whole_history: bool) -> None:
    """Put the balance into the inbox, once all transactions until then have been listed.

    ``whole_history`` says that these were all that there ever were.

    Raises:
        BadBody: it can't be kept.
    """
    inbox.store([observation(answer, whole_history=whole_history)], Source.READ)


def observation(answer: Answer, *, whole_history: bool) -> Json:
    """The reading as an object of its own, with the time and the id that Stripe's balance lacks;
    the ids are in the order of the readings."""
    since_1970 = answer.as_of - datetime.fromtimestamp(0, UTC)
    named = {
        **answer.body,
        "id": f"balance_{since_1970 // timedelta(microseconds=1)}",
        "created": int(since_1970.total_seconds()),
    }
    return observed(
        named,
        as_of=answer.as_of,
        api_version=answer.api_version,
        context={"whole_history": whole_history} if whole_history else None,
    )
