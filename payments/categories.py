"""Stripe's reporting categories of balance transactions.

https://docs.stripe.com/reports/reporting-categories, as the SDK lists them for reports. One that
isn't here is kept as it came: whoever sums by category must show it, never leave it out.
"""

from __future__ import annotations

CHARGE = "charge"
REFUND = "refund"
REFUND_FAILURE = "refund_failure"
PARTIAL_CAPTURE_REVERSAL = "partial_capture_reversal"
CHARGE_FAILURE = "charge_failure"
FEE = "fee"

# What a charge or a refund of our own brings about. A released part of an authorisation, which was
# never captured, is a refund in Stripe's API too.
OF_REFUNDS = frozenset({REFUND, REFUND_FAILURE, PARTIAL_CAPTURE_REVERSAL})
PAYMENTS = OF_REFUNDS | {CHARGE}
DISPUTES = frozenset({"dispute", "dispute_reversal"})
PAYOUTS = frozenset({"payout", "payout_reversal"})
OTHERS = frozenset(
    {"advance", "advance_funding", "anticipation_repayment"}
    | {"climate_order_purchase", "climate_order_refund"}
    | {"connect_collection_transfer", "connect_reserved_funds", "contribution"}
    | {"financing_paydown", "financing_paydown_reversal"}
    | {"financing_payout", "financing_payout_reversal"}
    | {"issuing_authorization_hold", "issuing_authorization_release"}
    | {"issuing_dispute", "issuing_transaction"}
    | {"network_cost", "other_adjustment", "platform_earning", "platform_earning_refund"}
    | {"risk_reserved_funds", "tax", "topup", "topup_reversal"}
    | {"transfer", "transfer_reversal", "unreconciled_customer_funds"}
)
KNOWN = PAYMENTS | DISPUTES | PAYOUTS | OTHERS | {CHARGE_FAILURE, FEE}
