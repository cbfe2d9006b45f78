"""The export of orders: its columns, which docs/exports.md describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import BooleanField, Case, F, QuerySet, Value, When

from auditlog.columns import Column, Kind
from auditlog.exports import CsvFile, Download
from orders import flags
from orders.models import Order
from payments.expressions import decimal_text

AMOUNTS = {
    "total": "What was agreed, tax and shipping included.",
    "subtotal": "Before discount, tax and shipping. Empty: unknown.",
    "discount": "What was taken off. Empty: unknown.",
    "tax": "Tax in the total. Empty: unknown.",
    "shipping": "Shipping in the total. Empty: unknown.",
    "captured": "What its payments captured.",
    "refunded": "Refunds of captured money that succeeded and haven’t failed since.",
}
# Name, where it is, meaning, and whether it tells who somebody is.
TEXTS = (
    ("carrier", "carrier", "Who carried it. Empty: nobody said.", False),
    ("tracking_number", "tracking_number", "The carrier’s number of it.", True),
    ("email", "email", "The buyer’s address.", True),
    ("customer_name", "customer__name", "The buyer’s name.", True),
    ("stripe_customer", "customer__stripe_customer", "Stripe’s id of the customer.", False),
    (
        "payment_intent",
        "payment_intent",
        "Stripe’s id of the payment intent that made the order.",
        False,
    ),
    (
        "checkout_session",
        "checkout_session",
        "Stripe’s id of the session that needed no payment.",
        False,
    ),
)
TIMES = {
    "placed_at": "When it was placed.",
    "paid_at": "When it was paid. Empty: it wasn’t.",
    "fulfilled_at": "When it was fulfilled. Empty: it wasn’t.",
    "canceled_at": "When it was canceled. Empty: it wasn’t.",
}


def order_columns() -> list[Column]:
    """The columns of the export, in its order; the flags are those that are registered."""
    columns = [
        Column("number", Kind.TEXT, "The order’s number.", F("number")),
        Column("status", Kind.TEXT, "pending, paid, fulfilled or canceled.", F("status")),
        Column("refund_status", Kind.TEXT, "none, partial or full.", F("refund_status")),
    ]
    columns += [
        Column(
            f"flag_{flag.name}",
            Kind.FLAG,
            f"yes or no: {flag.meaning}",
            Case(
                When(flag.condition(), then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            ),
        )
        for flag in flags.all_flags()
    ]
    columns += [
        Column("source", Kind.TEXT, "shop, admin, import or stripe.", F("source")),
        Column(
            "currency",
            Kind.TEXT,
            "ISO 4217, in lower case as Stripe writes it.",
            F("currency"),
        ),
    ]
    for name, meaning in AMOUNTS.items():
        minor = f"{name}_minor"
        columns += [
            Column(minor, Kind.MINOR, meaning, F(minor)),
            Column(
                name,
                Kind.DECIMAL,
                "The same with the currency’s decimals.",
                decimal_text(minor),
            ),
        ]
    columns += [
        Column(name, Kind.TEXT, meaning, F(path), personal=personal)
        for name, path, meaning, personal in TEXTS
    ]
    columns += [Column(name, Kind.TIME, meaning, F(name)) for name, meaning in TIMES.items()]
    return columns


def export_orders(queryset: QuerySet[Order], about: Mapping[str, Any]) -> Download:
    """The orders of ``queryset`` as CSV, audited as ``order.exported`` with what ``about`` says."""
    return Download("order", CsvFile.of_queryset(queryset, order_columns()), about)
