"""Asking Stripe for one refund. What became of it is what Stripe says, here and in its events.

Who wants a refund records a request (``payments.refund_requests``); ``payments.refund_sending``
asks for it.
"""

from __future__ import annotations

from uuid import UUID

import stripe
from django.utils import timezone

from payments import inbox, processing
from payments.client import Json, plain, refusal
from payments.entries import entry_of
from payments.models import RefundRequest, Source
from payments.reading import observed
from payments.refund_requests import REQUEST_KEY


class RefundError(Exception):
    """No refund is known to have come of the call; ``code`` is Stripe's word for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class RefundRefused(RefundError):
    """Stripe made no refund: already refunded, more than is left, disputed, no balance, …"""


class RefundNotAsked(RefundError):
    """Stripe didn't look at the request: too many at once, or the key isn't valid or may not make
    refunds (the message names the permission)."""


class RefundOutcomeUnknown(RefundError):
    """Stripe may have made the refund. Ask again under the same key, and it won't make two."""


def idempotency_key(request_id: UUID, attempt: int) -> str:
    """The name under which Stripe makes a refund once, for a day at least."""
    return f"countinghouse-refund-{request_id}-{attempt}"


def ask_refund(client: stripe.StripeClient, request: RefundRequest) -> Json:
    """Have Stripe make the refund that ``request`` stands for; return it.

    The refund carries the request's id as ``metadata.refund_request`` and our note as
    ``metadata.reason``. The answer goes into the inbox and is processed, which settles the request.

    Raises:
        RefundError: one of its kinds above; only RefundOutcomeUnknown may have made a refund.
        CallInTransaction: a transaction is open.
    """
    metadata = {REQUEST_KEY: str(request.pk)}
    if request.note:
        metadata["reason"] = request.note
    params = stripe.params.RefundCreateParams(
        charge=request.charge_id,
        amount=request.amount,
        metadata=metadata,
        expand=["balance_transaction"],
    )
    match request.reason:
        case "duplicate" | "fraudulent" | "requested_by_customer" as reason:
            params["reason"] = reason
    as_of = timezone.now()
    try:
        refund = client.v1.refunds.create(
            params, options={"idempotency_key": idempotency_key(request.pk, request.attempt)}
        )
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.RateLimitError) as error:
        raise RefundNotAsked(refusal(error), error.code or "") from error
    except stripe.IdempotencyError as error:
        # The key is in use, or was for other parameters (another version of this program): what
        # came of that isn't known.
        raise RefundOutcomeUnknown(refusal(error), error.code or "") from error
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise RefundRefused(refusal(error), error.code or "") from error
    except stripe.StripeError as error:  # no answer, a 5xx, a 409
        raise RefundOutcomeUnknown(refusal(error), error.code or "") from error
    answer = plain(refund)
    take_in([observed(answer, as_of=as_of, api_version=stripe.api_version)])
    return answer


def take_in(observations: list[Json]) -> None:
    """Keep what Stripe said of refunds, and process it now, without what waits beside it."""
    entries = [entry_of(observation, source=Source.READ) for observation in observations]
    processing.process_these(inbox.insert(entries))
    inbox.wake()
