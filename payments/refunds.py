"""Asking Stripe for refunds. What became of one is what Stripe says, here and in its events."""

from __future__ import annotations

import stripe
from django.utils import timezone

from payments import inbox, processing
from payments.client import Json, plain, refusal, stripe_client
from payments.models import Source
from payments.reading import observed

# The words that Stripe takes (https://docs.stripe.com/api/refunds/create); any other reason is ours
# and travels as metadata.
STRIPE_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
MAX_METADATA = 500


class RefundError(Exception):
    """No refund is known to have come of the request; ``code`` is Stripe's word for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class RefundRefused(RefundError):
    """Stripe made no refund: already refunded, more than is left, disputed, no balance, …"""


class RefundNotPermitted(RefundRefused):
    """The key isn't valid, or may not make refunds; the message names the permission."""


class RefundConflict(RefundError):
    """The request's name was used before, with another charge, amount or reason."""


class RefundOutcomeUnknown(RefundError):
    """Stripe may have made the refund. Ask again under the same name, and it won't make two."""


def ask_refund(*, charge_id: str, amount: int, reason: str = "", request: str) -> Json:
    """Have Stripe refund ``amount`` (minor units of the charge's currency); return the refund.

    ``request`` names the wish: within a day the same name makes one refund however often it is
    asked, and the refund carries it as ``metadata.refund_request``. A ``reason`` that is one of
    ``STRIPE_REASONS`` is told to Stripe as such (*fraudulent* puts card and address on its block
    lists), any other goes along as metadata. The answer goes into the inbox and is processed.

    Raises:
        RefundError: one of its kinds above; only RefundOutcomeUnknown may have made a refund.
        NotConfigured: there is no key.
        CallInTransaction: a transaction is open.
    """
    client = stripe_client()
    params = stripe.params.RefundCreateParams(
        charge=charge_id,
        amount=amount,
        metadata={"refund_request": request},
        expand=["balance_transaction"],
    )
    if reason in STRIPE_REASONS:
        params["reason"] = reason
    elif reason:
        params["metadata"] = {"refund_request": request, "reason": reason[:MAX_METADATA]}
    as_of = timezone.now()
    try:
        refund = client.v1.refunds.create(
            params, options={"idempotency_key": f"countinghouse-refund-{request}"}
        )
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise RefundNotPermitted(refusal(error), error.code or "") from error
    except stripe.IdempotencyError as error:
        raise RefundConflict(refusal(error), error.code or "") from error
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise RefundRefused(refusal(error), error.code or "") from error
    except stripe.StripeError as error:  # no answer, a 5xx, a 409, or 429 for too long
        raise RefundOutcomeUnknown(refusal(error), error.code or "") from error
    answer = plain(refund)
    inbox.store([observed(answer, as_of=as_of, api_version=stripe.api_version)], Source.READ)
    processing.drain()
    return answer
