"""Pages of money moving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from payments.admin.columns import admin_link, money, money_column
from payments.admin.mirror import MirrorAdmin, Related, Shown, flag_column, reference_column
from payments.mirror.balance import PAYMENTS
from payments.models import (
    BalanceReading,
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    InvoicePayment,
    PaymentIntent,
    Payout,
    Refund,
)
from payments.selectors import refunds_in_need, refunds_owed

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# Stripe's ids say what they are of: https://docs.stripe.com/api has one in each object's example.
SOURCES: dict[str, type[Model]] = {
    "ch": Charge,
    "py": Charge,
    "re": Refund,
    "pyr": Refund,
    "dp": Dispute,
    "du": Dispute,
    "po": Payout,
}


@admin.display(description="source")
def source_link(transaction: BalanceTransaction) -> SafeString | str:
    """A link to what a balance transaction is for, where that has a page."""
    model = SOURCES.get(transaction.source.partition("_")[0])
    return admin_link(model, transaction.source) if model else transaction.source or "–"


@admin.register(PaymentIntent)
class PaymentIntentAdmin(MirrorAdmin[PaymentIntent]):
    list_display = (
        "id",
        money_column("amount"),
        money_column("amount_received"),
        "status",
        reference_column("customer", Customer),
        "created",
    )
    exact_search = ("customer",)
    related = (
        Related("charge", Charge, "payment"),
        Related("refund", Refund, "payment_intent"),
        Related("Checkout session", CheckoutSession, "payment_intent", "amount_total"),
        Related("invoice payment", InvoicePayment, "payment_intent", "amount_paid"),
    )


@admin.register(Charge)
class ChargeAdmin(MirrorAdmin[Charge]):
    list_display = (
        "id",
        money_column("amount"),
        money_column("amount_captured", "captured"),
        money_column("amount_refunded", "refunded"),
        "status",
        flag_column("disputed"),
        reference_column("payment_intent", PaymentIntent),
        reference_column("customer", Customer),
        "created",
    )
    search_help_text = "A charge's id or its beginning; the id of its payment intent or customer."
    exact_search = ("payment", "customer")
    related = (
        Related("refund", Refund, "charge"),
        Related("dispute", Dispute, "charge"),
        Related("balance transaction", BalanceTransaction, "source"),
    )


class NeedFilter(admin.SimpleListFilter):
    """Those that a person may have to do something about, together."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = ("pending", "requires_action", "succeeded", "failed", "canceled")
        return [
            ("need", "waits or failed"),
            ("owed", "failed, and not made again"),
            *((state, state.replace("_", " ")) for state in states),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        match self.value():
            case None:
                return queryset
            case "need":
                return queryset.filter(pk__in=refunds_in_need().order_by().values("pk"))
            case "owed":
                return queryset.filter(pk__in=refunds_owed().order_by().values("pk"))
            case status:
                return queryset.filter(status=status)


@admin.register(Refund)
class RefundAdmin(MirrorAdmin[Refund]):
    list_display = (
        "id",
        money_column("amount"),
        "status",
        "reason",
        "pending_reason",
        "failure_reason",
        reference_column("charge", Charge),
        "created",
    )
    list_filter = (NeedFilter, "created")
    search_help_text = "A refund's id or its beginning; the id of its charge or payment intent."
    exact_search = ("charge", "payment_intent")
    related = (Related("balance transaction", BalanceTransaction, "source"),)


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(MirrorAdmin[BalanceTransaction]):
    list_display = (
        "id",
        "reporting_category",
        money_column("amount"),
        money_column("fee"),
        money_column("net"),
        "status",
        source_link,
        reference_column("payout", Payout),
        "created",
    )
    search_help_text = "A transaction's id or its beginning; the id of its source or payout."
    exact_search = ("source", "payout")
    shown_as: ClassVar[Mapping[str, Shown]] = {"source": source_link}


@admin.display(description="available and pending")
def balances(reading: BalanceReading) -> SafeString:
    """Each balance and currency, a line each; other balances than that of payments by name."""
    return format_html_join(
        mark_safe("<br>"),
        "{} {} available, {} pending",
        (
            (
                "" if kind == PAYMENTS else kind.replace("_", " "),
                money(held["available"], currency),
                money(held["pending"], currency),
            )
            for kind, currencies in sorted(reading.amounts.items())
            for currency, held in sorted(currencies.items())
        ),
    )


@admin.register(BalanceReading)
class BalanceReadingAdmin(MirrorAdmin[BalanceReading]):
    list_display = ("id", balances, flag_column("whole_history"), "created")
    shown_as: ClassVar[Mapping[str, Shown]] = {"amounts": balances}


@admin.register(Payout)
class PayoutAdmin(MirrorAdmin[Payout]):
    list_display = (
        "id",
        money_column("amount"),
        "status",
        flag_column("automatic"),
        "arrival_date",
        "reconciliation_status",
        "created",
    )
    related = (Related("balance transaction", BalanceTransaction, "payout"),)
