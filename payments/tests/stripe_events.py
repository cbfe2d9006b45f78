"""Events in Stripe's shape, for tests: each builder gives the fields that matter, true to form."""

from __future__ import annotations

import json
from typing import Any

NOW = 1_790_000_000  # 2026-09-21 14:13:20 UTC
VERSION = "2026-10-28.endive"


def event(
    type_: str,
    obj: dict[str, Any],
    *,
    id: str | None = None,
    created: int = NOW,
    previous: dict[str, Any] | None = None,
    version: str = VERSION,
    **envelope: Any,
) -> dict[str, Any]:
    data: dict[str, Any] = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": id or f"evt_{type_}_{obj.get('id')}_{created}",
        "object": "event",
        "api_version": version,
        "created": created,
        "livemode": False,
        "type": type_,
        "data": data,
        **envelope,
    }


def body(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload).encode()


def _make(defaults: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    return {**defaults, **overrides}


def payment_intent(id: str = "pi_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "payment_intent",
            "amount": 5000,
            "amount_received": 5000,
            "amount_capturable": 0,
            "capture_method": "automatic",
            "created": NOW,
            "currency": "eur",
            "customer": None,
            "description": None,
            "latest_charge": "ch_1",
            "livemode": False,
            "metadata": {},
            "status": "succeeded",
        },
        over,
    )


def charge(id: str = "ch_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "charge",
            "amount": 5000,
            "amount_captured": 5000,
            "amount_refunded": 0,
            "balance_transaction": "txn_1",
            "billing_details": {"email": "ann@example.com", "name": "Ann"},
            "captured": True,
            "created": NOW,
            "currency": "eur",
            "customer": None,
            "disputed": False,
            "failure_balance_transaction": None,
            "livemode": False,
            "metadata": {},
            "paid": True,
            "payment_intent": "pi_1",
            "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
            "refunded": False,
            "status": "succeeded",
        },
        over,
    )


def refund(id: str = "re_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "refund",
            "amount": 2000,
            "balance_transaction": "txn_r1",
            "charge": "ch_1",
            "created": NOW,
            "currency": "eur",
            "metadata": {},
            "payment_intent": "pi_1",
            "reason": None,
            "status": "succeeded",
        },
        over,
    )


def dispute(id: str = "dp_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "dispute",
            "amount": 5000,
            "balance_transactions": [],
            "charge": "ch_1",
            "created": NOW,
            "currency": "eur",
            "evidence_details": {"due_by": NOW + 864_000, "submission_count": 0},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": "pi_1",
            "reason": "fraudulent",
            "status": "needs_response",
        },
        over,
    )


def balance_transaction(id: str = "txn_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "balance_transaction",
            "amount": 5000,
            "available_on": NOW + 172_800,
            "balance_type": "payments",
            "created": NOW,
            "currency": "eur",
            "description": None,
            "exchange_rate": None,
            "fee": 175,
            "fee_details": [{"amount": 175, "currency": "eur", "type": "stripe_fee"}],
            "net": 4825,
            "reporting_category": "charge",
            "source": "ch_1",
            "status": "pending",
            "type": "charge",
        },
        over,
    )


def payout(id: str = "po_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "payout",
            "amount": 4825,
            "arrival_date": NOW + 86_400,
            "automatic": True,
            "balance_transaction": "txn_p1",
            "created": NOW,
            "currency": "eur",
            "destination": "ba_1",
            "failure_balance_transaction": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed",
            "status": "in_transit",
            "type": "bank_account",
        },
        over,
    )


def checkout_session(id: str = "cs_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "checkout.session",
            "amount_subtotal": 5000,
            "amount_total": 5000,
            "client_reference_id": None,
            "created": NOW - 60,
            "currency": "eur",
            "customer": None,
            "customer_details": {"email": "Ann@Example.com", "name": "Ann"},
            "expires_at": NOW + 86_400,
            "livemode": False,
            "metadata": {},
            "mode": "payment",
            "payment_intent": "pi_1",
            "payment_status": "paid",
            "status": "complete",
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 798},
        },
        over,
    )


def line_items(*lines: tuple[str, int, int]) -> dict[str, Any]:
    """Lines of (product, quantity, amount_total) as Checkout lists them."""
    return {
        "object": "list",
        "has_more": False,
        "data": [
            {
                "id": f"li_{position}",
                "object": "item",
                "amount_total": total,
                "currency": "eur",
                "description": product,
                "quantity": quantity,
                "price": {"id": f"price_{product}", "object": "price", "product": product},
            }
            for position, (product, quantity, total) in enumerate(lines)
        ],
    }


def customer(id: str = "cus_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "customer",
            "balance": 0,
            "created": NOW,
            "currency": "eur",
            "delinquent": False,
            "email": "ann@example.com",
            "livemode": False,
            "metadata": {},
            "name": "Ann",
        },
        over,
    )


def product(id: str = "prod_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "product",
            "active": True,
            "created": NOW,
            "default_price": None,
            "description": None,
            "livemode": False,
            "metadata": {},
            "name": "Tea",
        },
        over,
    )


def price(id: str = "price_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": NOW,
            "currency": "eur",
            "livemode": False,
            "metadata": {},
            "product": "prod_1",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
            "type": "recurring",
            "unit_amount": 1000,
            "unit_amount_decimal": "1000",
        },
        over,
    )


def coupon(id: str = "half", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "coupon",
            "amount_off": None,
            "created": NOW,
            "currency": None,
            "duration": "forever",
            "duration_in_months": None,
            "livemode": False,
            "metadata": {},
            "name": "Half",
            "percent_off": 50.0,
            "valid": True,
        },
        over,
    )


def subscription(id: str = "sub_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "subscription",
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "collection_method": "charge_automatically",
            "created": NOW,
            "currency": "eur",
            "customer": "cus_1",
            "discounts": [],
            "ended_at": None,
            "items": {
                "object": "list",
                "has_more": False,
                "data": [
                    {
                        "id": "si_1",
                        "object": "subscription_item",
                        "current_period_start": NOW,
                        "current_period_end": NOW + 2_592_000,
                        "price": price(),
                        "quantity": 1,
                    }
                ],
            },
            "latest_invoice": "in_1",
            "livemode": False,
            "metadata": {},
            "pause_collection": None,
            "start_date": NOW,
            "status": "active",
            "trial_end": None,
            "trial_start": None,
        },
        over,
    )


def invoice(id: str = "in_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "invoice",
            "amount_due": 1000,
            "amount_paid": 1000,
            "amount_remaining": 0,
            "attempt_count": 1,
            "billing_reason": "subscription_cycle",
            "created": NOW,
            "currency": "eur",
            "customer": "cus_1",
            "due_date": None,
            "lines": {
                "object": "list",
                "has_more": False,
                "data": [
                    {
                        "id": "il_1",
                        "object": "line_item",
                        "amount": 1000,
                        "currency": "eur",
                        "parent": {
                            "type": "subscription_item_details",
                            "subscription_item_details": {
                                "proration": False,
                                "subscription": "sub_1",
                                "subscription_item": "si_1",
                            },
                        },
                        "period": {"start": NOW, "end": NOW + 2_592_000},
                        "pricing": {
                            "type": "price_details",
                            "price_details": {"price": "price_1", "product": "prod_1"},
                        },
                        "quantity": 1,
                    }
                ],
            },
            "livemode": False,
            "metadata": {},
            "number": "A-0001",
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": "sub_1"},
            },
            "period_start": NOW - 2_592_000,
            "period_end": NOW,
            "status": "paid",
            "status_transitions": {"finalized_at": NOW, "paid_at": NOW, "voided_at": None},
            "subtotal": 1000,
            "total": 1000,
            "total_taxes": [],
        },
        over,
    )


def invoice_payment(id: str = "inpay_1", **over: Any) -> dict[str, Any]:
    return _make(
        {
            "id": id,
            "object": "invoice_payment",
            "amount_paid": 1000,
            "amount_requested": 1000,
            "created": NOW,
            "currency": "eur",
            "invoice": "in_1",
            "is_default": True,
            "livemode": False,
            "payment": {"type": "payment_intent", "payment_intent": "pi_inv"},
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": NOW},
        },
        over,
    )
