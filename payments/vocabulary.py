"""Stripe's words as far as this version knows them.

Others are kept as they came and break nothing, but no rule knows what they mean: who meets one must
be told. Types of event and API versions are those that the SDK lists; values are those of the
columns that rules and figures go by (https://docs.stripe.com/api), with the words of old versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from stripe.params import WebhookEndpointCreateParams

from payments import categories
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Coupon,
    Dispute,
    Invoice,
    InvoicePayment,
    MirrorObject,
    PaymentIntent,
    Payout,
    Price,
    Refund,
    Subscription,
    WebhookEndpoint,
)


def _listed(parameter: str) -> frozenset[str]:
    """The words that a parameter of a webhook endpoint can have: the literals of its type."""

    def words(part: Any) -> set[str]:
        inner = get_args(part)
        return {part} if isinstance(part, str) else set().union(*map(words, inner))

    return frozenset(words(WebhookEndpointCreateParams.__annotations__[parameter]))


EVENT_TYPES = _listed("enabled_events")
API_VERSIONS = _listed("api_version")

SUBSCRIPTION_STATUSES = frozenset(
    {"incomplete", "incomplete_expired", "trialing", "active"}
    | {"past_due", "canceled", "unpaid", "paused"}
)

# By model and column. A column may be empty where Stripe may leave it out.
WORDS: Mapping[type[MirrorObject], Mapping[str, frozenset[str]]] = {
    PaymentIntent: {
        "status": frozenset(
            {"requires_payment_method", "requires_confirmation", "requires_action", "processing"}
            | {"requires_capture", "canceled", "succeeded"}
            | {"requires_source", "requires_source_action"}  # before 2019-02-11
        ),
        "capture_method": frozenset({"automatic", "automatic_async", "manual"}),
    },
    Charge: {"status": frozenset({"succeeded", "pending", "failed"})},
    Refund: {
        "status": frozenset({"pending", "requires_action", "succeeded", "failed", "canceled"})
    },
    Dispute: {"status": frozenset({*Dispute.NEEDS_ANSWER, *Dispute.UNDER_REVIEW, *Dispute.CLOSED})},
    BalanceTransaction: {
        "status": frozenset({"available", "pending"}),
        "balance_type": frozenset(
            {"payments", "issuing", "refund_and_dispute_prefunding", "risk_reserved"}
        ),
        "reporting_category": categories.KNOWN,
    },
    Payout: {
        "status": frozenset({"pending", "in_transit", "paid", "failed", "canceled"}),
        "reconciliation_status": frozenset({"completed", "in_progress", "not_applicable"}),
    },
    CheckoutSession: {
        "mode": frozenset({"payment", "setup", "subscription"}),
        "status": frozenset({"open", "complete", "expired"}),
        "payment_status": frozenset({"paid", "unpaid", "no_payment_required"}),
    },
    Subscription: {
        "status": SUBSCRIPTION_STATUSES,
        "collection_method": frozenset({"charge_automatically", "send_invoice"}),
    },
    Invoice: {"status": frozenset({"draft", "open", "paid", "uncollectible", "void"})},
    InvoicePayment: {"status": frozenset({"open", "paid", "canceled"})},
    Price: {
        "type": frozenset({"one_time", "recurring"}),
        "billing_scheme": frozenset({"per_unit", "tiered"}),
        "interval": frozenset({"day", "week", "month", "year"}),
        "usage_type": frozenset({"licensed", "metered"}),
    },
    Coupon: {"duration": frozenset({"forever", "once", "repeating"})},
    WebhookEndpoint: {"status": frozenset({"enabled", "disabled"})},
}
