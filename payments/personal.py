"""What is personal in this app's rows; see ``auditlog.personal``."""

from __future__ import annotations

from django.db.models import Q

from auditlog.personal import Erasure, Kind, Personal, Rows, declare

# The keys of metadata that link one thing with another: an order's number, a request for a refund.
LINKING = ("order", "refund_request")

EMAIL = Personal(Kind.EMAIL, "to know a buyer again, and to answer them", erasure=Erasure.PSEUDONYM)
NAME = Personal(Kind.NAME, "to know whom one speaks with", erasure=Erasure.BLANK)
DESCRIPTION = Personal(
    Kind.FREE_TEXT, "what a payment was for, in the shop's words", erasure=Erasure.BLANK
)
METADATA = Personal(
    Kind.METADATA, "links a payment with its order", erasure=Erasure.LINKS, keys=LINKING
)
MIRRORED = "as long as Stripe's object is of use: for good"


def of(label: str) -> Rows:
    """The rows of a model that are a person's, by their keys."""
    return lambda person: Q(pk__in=person.keys(label))


declare(
    "payments.StripeEvent",
    kept="for good; its payload as it came for `EVENT_PAYLOAD_DAYS`, then what the mirror reads",
    rows=of("payments.StripeEvent"),
    payload=Personal(
        Kind.PAYLOAD,
        "proof of what Stripe said, and what everything else is made of",
        erasure=Erasure.REDUCED,
    ),
    error=Personal(Kind.FREE_TEXT, "why an event couldn't be processed", erasure=Erasure.MENTIONS),
    harmless="stripe_id type object_type object_id api_version note payload_digest request_id",
)
declare(
    "payments.ErasedKey",
    kept="for good: else a late event brought the data back",
    harmless="key",
)
declare("payments.ReadRequest", harmless="kind key error")
declare("payments.SyncCursor", harmless="resource starting_after error")
declare(
    "payments.RefundRequest",
    kept="for good: it says who gave money back, and why",
    rows=of("payments.RefundRequest"),
    note=Personal(Kind.FREE_TEXT, "why money was given back", erasure=Erasure.WORD),
    error=Personal(Kind.FREE_TEXT, "why Stripe refused", erasure=Erasure.MENTIONS),
    harmless="code",
)
declare(
    "payments.Customer",
    kept=MIRRORED,
    rows=of("payments.Customer"),
    email=EMAIL,
    name=NAME,
    metadata=METADATA,
    harmless="id api_version",
)
declare(
    "payments.PaymentIntent",
    kept=MIRRORED,
    rows=of("payments.PaymentIntent"),
    receipt_email=EMAIL,
    description=DESCRIPTION,
    metadata=METADATA,
    harmless="id api_version status capture_method cancellation_reason last_error_code",
)
declare(
    "payments.Charge",
    kept=MIRRORED,
    rows=of("payments.Charge"),
    email=EMAIL,
    description=DESCRIPTION,
    metadata=METADATA,
    harmless="id api_version status failure_code failure_message payment_method_type",
)
declare(
    "payments.CheckoutSession",
    kept=MIRRORED,
    rows=of("payments.CheckoutSession"),
    email=EMAIL,
    name=NAME,
    metadata=METADATA,
    harmless="id api_version mode status payment_status client_reference_id line_items",
)
declare(
    "payments.BalanceTransaction",
    kept=MIRRORED,
    rows=of("payments.BalanceTransaction"),
    description=DESCRIPTION,
    harmless="id metadata api_version type reporting_category balance_type status fee_details "
    "source",
)
for _label, _harmless in {
    "payments.Refund": "id api_version status reason failure_reason pending_reason",
    "payments.Dispute": "id api_version status reason balance_transactions",
    "payments.Subscription": "id api_version status collection_method items discounts",
    "payments.Invoice": "id api_version status number billing_reason lines",
}.items():
    declare(_label, kept=MIRRORED, rows=of(_label), metadata=METADATA, harmless=_harmless)
for _label, _harmless in {
    "payments.InvoicePayment": "status",
    "payments.Product": "name description",
    "payments.Price": "type billing_scheme interval usage_type nickname",
    "payments.Coupon": "name duration",
    "payments.BalanceReading": "amounts",
    "payments.Payout": "status destination method type failure_code failure_message "
    "reconciliation_status",
    "payments.WebhookEndpoint": "url status enabled_events sends_version",
}.items():
    declare(_label, harmless=f"id metadata api_version {_harmless}")
