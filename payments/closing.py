"""Closing payments that are still open, so that nobody pays for what is called off.

What Stripe answers goes into the inbox, like everything else that it tells us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import stripe
from django.utils import timezone

from payments import inbox, processing
from payments.client import Json, plain, refusal, stripe_client
from payments.models import Source
from payments.reading import is_gone, observed

# The statuses from which an intent goes nowhere.
OVER = ("succeeded", "canceled")
# Those in which the buyer still has to do something.
UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")


class ClosingError(Exception):
    """Not everything is known to be closed. What was closed before that stays closed."""


class ClosingRefused(ClosingError):
    """Stripe doesn't close it: the bank is at work, or the buyer has finished, …"""


class ClosingNotPermitted(ClosingRefused):
    """The key isn't valid, or may not do that; the message names the permission."""


class AlreadySucceeded(ClosingRefused):
    """The payment has succeeded meanwhile: its money is there."""


class ClosingOutcomeUnknown(ClosingError):
    """Stripe gave no answer. Ask again: what is closed already is no error."""


def close_payments(*, sessions: Iterable[str], intents: Iterable[str]) -> None:
    """Expire these Checkout sessions at Stripe and cancel these payment intents.

    One that is closed already, or that Stripe doesn't know, is as good as closed. Stops at the
    first that can't be closed; what Stripe answered until then is in the inbox and processed.

    Raises:
        ClosingError: one of its kinds above.
        NotConfigured: there is no key.
        CallInTransaction: a transaction is open.
    """
    client = stripe_client()
    answers: list[Json] = []
    try:
        expired: set[str] = set()
        for key in sessions:
            session = expire_session(client, key, answers)
            if session and session.get("payment_intent"):
                expired.add(str(session["payment_intent"]))
        for key in intents:
            cancel_intent(client, key, answers, unpayable=key in expired)
    finally:
        if answers:
            inbox.store(answers, Source.READ)
            processing.drain()


def expire_session(client: stripe.StripeClient, key: str, answers: list[Json]) -> Json | None:
    """The session once it is expired; None where Stripe doesn't know it."""
    answer = asked(lambda: client.v1.checkout.sessions.expire(key), answers)
    if answer is None:
        answer = asked(lambda: client.v1.checkout.sessions.retrieve(key), answers)
    if answer and answer["status"] == "complete":
        if answer["payment_status"] != "unpaid":
            raise AlreadySucceeded(f"Checkout session {key} has been paid meanwhile")
        raise ClosingRefused(f"the buyer has finished Checkout session {key}: its payment is open")
    return answer


def cancel_intent(
    client: stripe.StripeClient, key: str, answers: list[Json], *, unpayable: bool
) -> None:
    """Cancel one intent. Stripe refuses that for one of Checkout's, which nobody can pay any more
    once its session is expired (``unpayable``)."""
    refused: list[str] = []
    answer = asked(lambda: client.v1.payment_intents.cancel(key), answers, refused)
    if answer is None:
        answer = asked(lambda: client.v1.payment_intents.retrieve(key), answers)
    if answer is None or answer["status"] == "canceled":
        return
    if answer["status"] == "succeeded":
        raise AlreadySucceeded(f"payment {key} has succeeded meanwhile")
    if not (unpayable and answer["status"] in UNPAID):
        raise ClosingRefused(f"Stripe doesn’t cancel payment {key}: {' '.join(refused)}")


def asked(
    call: Callable[[], stripe.StripeObject],
    answers: list[Json],
    refused: list[str] | None = None,
) -> Json | None:
    """The answer, added to ``answers`` as an observation; None where Stripe says that it can't be
    (which goes into ``refused``), or that there is no such thing."""
    as_of = timezone.now()
    try:
        answer = plain(call())
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise ClosingNotPermitted(refusal(error)) from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing" and not is_gone(error):
            raise ClosingRefused(refusal(error)) from error  # it is one of the other mode
        if refused is not None:
            refused.append(refusal(error))
        return None
    except stripe.StripeError as error:  # no answer, a 5xx, a 409, or 429 for too long
        raise ClosingOutcomeUnknown(refusal(error)) from error
    answers.append(observed(answer, as_of=as_of, api_version=stripe.api_version))
    return answer
