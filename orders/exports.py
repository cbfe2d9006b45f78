"""The export of orders: its columns, which docs/exports.md describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Case, F, QuerySet, TextField, Value, When

from auditlog.exports import Column, Download, SafeText, UtcText
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
TEXTS = (
    ("carrier", "carrier", "Who carried it. Empty: nobody said."),
    ("tracking_number", "tracking_number", "The carrier’s number of it."),
    ("email", "email", "The buyer’s address."),
    ("customer_name", "customer__name", "The buyer’s name."),
    ("stripe_customer", "customer__stripe_customer", "Stripe’s id of the customer."),
    ("payment_intent", "payment_intent", "Stripe’s id of the payment intent that made the order."),
    ("checkout_session", "checkout_session", "Stripe’s id of the session that needed no payment."),
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
        Column("number", SafeText(F("number")), "The order’s number."),
        Column("status", F("status"), "pending, paid, fulfilled or canceled."),
        Column("refund_status", F("refund_status"), "none, partial or full."),
    ]
    columns += [
        Column(
            f"flag_{flag.name}",
            Case(
                When(flag.condition(), then=Value("yes")),
                default=Value("no"),
                output_field=TextField(),
            ),
            f"yes or no: {flag.meaning}",
        )
        for flag in flags.all_flags()
    ]
    columns += [
        Column("source", F("source"), "shop, admin, import or stripe."),
        Column("currency", F("currency"), "ISO 4217, in lower case as Stripe writes it."),
    ]
    for name, meaning in AMOUNTS.items():
        column = f"{name}_minor"
        columns.append(Column(column, F(column), f"{meaning} In minor units of the currency."))
        columns.append(Column(name, decimal_text(column), "The same with the currency’s decimals."))
    columns += [Column(name, SafeText(F(path)), meaning) for name, path, meaning in TEXTS]
    columns += [Column(name, UtcText(F(name)), meaning) for name, meaning in TIMES.items()]
    return columns


def export_orders(queryset: QuerySet[Order], about: Mapping[str, Any]) -> Download:
    """The orders of ``queryset`` as CSV, audited as ``order.exported`` with what ``about`` says."""
    return Download("order.exported", queryset, order_columns(), about)
