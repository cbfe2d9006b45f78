"""Rows of subscriptions, as the checks' tests write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.tests.rows import build
from payments.models import Invoice, InvoicePayment, Subscription

DAY = timedelta(days=1)


def item(**values: Any) -> dict[str, Any]:
    """An item of 10.00 EUR a month."""
    return {
        "id": "si_1",
        "price": "price_1",
        "product": "prod_1",
        "quantity": 1,
        "unit_amount_decimal": "1000",
        "currency": "eur",
        "interval": "month",
        "interval_count": 1,
        "usage_type": "licensed",
        "billing_scheme": "per_unit",
        **values,
    }


def subscription(**values: Any) -> Subscription:
    """An active one of 10.00 EUR a month, two days into its period."""
    at = timezone.now() - 2 * DAY
    return build(
        Subscription,
        **{
            "id": "sub_1",
            "status": "active",
            "currency": "eur",
            "customer_id": "cus_1",
            "items": [item()],
            "discounts": [],
            "start_date": at - 30 * DAY,
            "current_period_start": at,
            "current_period_end": at + 30 * DAY,
            "as_of": at,
            **values,
        },
    )


def invoice(key: str = "1", **values: Any) -> Invoice:
    """The invoice of that period, paid in full."""
    at = timezone.now() - 2 * DAY
    return build(
        Invoice,
        **{
            "id": f"in_{key}",
            "status": "paid",
            "currency": "eur",
            "subscription_id": "sub_1",
            "customer_id": "cus_1",
            "amount_due": 1_000,
            "amount_paid": 1_000,
            "created": at,
            "as_of": at,
            "paid_at": at,
            "finalized_at": at,
            "due_date": None,
            **values,
        },
    )


def invoice_payment(key: str = "1", amount: int = 1_000, **values: Any) -> InvoicePayment:
    return build(
        InvoicePayment,
        **{
            "id": f"inpay_{key}",
            "invoice_id": "in_1",
            "payment_intent_id": "pi_1",
            "currency": "eur",
            "amount_paid": amount,
            "amount_requested": amount,
            "status": "paid",
            **values,
        },
    )
