"""The Stripe edge: the inbox, and typed rows for what its observations say."""

from payments.models.base import MirrorObject, StripeReference
from payments.models.billing import CheckoutSession, Invoice, InvoicePayment, Subscription
from payments.models.catalogue import Coupon, Customer, Price, Product
from payments.models.endpoints import WebhookEndpoint
from payments.models.erased import ErasedKey
from payments.models.inbox import ReadRequest, Source, StripeEvent, SyncCursor
from payments.models.money import (
    BalanceReading,
    BalanceTransaction,
    Charge,
    Dispute,
    PaymentIntent,
    Payout,
    Refund,
)
from payments.models.refund_requests import RefundReason, RefundRequest
from payments.models.views import CountedRefund, Refundable

__all__ = [
    "BalanceReading",
    "BalanceTransaction",
    "Charge",
    "CheckoutSession",
    "CountedRefund",
    "Coupon",
    "Customer",
    "Dispute",
    "ErasedKey",
    "Invoice",
    "InvoicePayment",
    "MirrorObject",
    "PaymentIntent",
    "Payout",
    "Price",
    "Product",
    "ReadRequest",
    "Refund",
    "RefundReason",
    "RefundRequest",
    "Refundable",
    "Source",
    "StripeEvent",
    "StripeReference",
    "Subscription",
    "SyncCursor",
    "WebhookEndpoint",
]
