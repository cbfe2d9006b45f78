"""The figures of both ledgers counted a second way: in plain Python over the rows themselves.

Nothing of the app is used for that, neither its days nor its SQL nor its formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model

from orders.models import Customer, Order, OrderLine, Product
from payments.models import BalanceTransaction, Charge, Dispute, Refund

# Disputes that moved no money: banks only asked, or nothing came of it.
INQUIRIES = {
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "prevented",
}


class Rows:
    """All rows, as they are in the database, and the day of any time in a zone."""

    def __init__(self, zone: str) -> None:
        tz = ZoneInfo(zone)
        self.day: Callable[[datetime], date] = cache(lambda at: at.astimezone(tz).date())
        self.charges = by_id(Charge)
        self.moved = by_id(BalanceTransaction)
        self.refunds: list[Any] = list(Refund.objects.values())
        self.disputes: list[Any] = list(Dispute.objects.values())
        self.orders: list[Any] = list(Order.objects.order_by("paid_at", "id").values())
        self.lines: list[Any] = list(OrderLine.objects.values())
        self.stock = dict(Product.objects.values_list("id", "stock"))
        self.same = dict(Customer.objects.values_list("id", "same_as_id"))
        self.firsts: dict[int, Any] = {}
        for order in self.orders:
            self.firsts.setdefault(self.buyer(order), order)

    def buyer(self, order: Any) -> int:
        """Who bought: the customer that a guest is; 0 for nobody in particular."""
        customer = order["customer_id"]
        return self.same[customer] or customer if customer else 0


def by_id(model: type[Model]) -> dict[Any, Any]:
    rows: list[Any] = list(model._default_manager.values())
    return {row["id"]: row for row in rows}


class Sales:
    """The commercial figures of some days and a currency."""

    def __init__(self, rows: Rows, first: date, last: date, currency: str) -> None:
        self.rows, self.currency, self.days = rows, currency, (last - first).days + 1
        self.within: Callable[[datetime | None], bool] = lambda moment: (
            moment is not None and first <= rows.day(moment) <= last
        )
        self.paid = [
            order
            for order in rows.orders
            if order["currency"] == currency and self.within(order["paid_at"])
        ]

    def captured(self) -> list[int]:
        return [
            charge["amount_captured"]
            for charge in self.rows.charges.values()
            if charge["currency"] == self.currency and self.within(charge["captured_at"])
        ]

    def refunded(self) -> int:
        total = 0
        for refund in self.rows.refunds:
            charge = self.rows.charges.get(refund["charge_id"])
            if charge is None:
                continue
            moved = self.rows.moved.get(refund["balance_transaction_id"])
            back = self.rows.moved.get(refund["failure_balance_transaction_id"])
            released = charge["amount"] - charge["amount_captured"]
            if (
                refund["currency"] != self.currency
                or refund["succeeded_at"] is None
                or not charge["amount_captured"]
                or (moved is None and released and refund["amount"] == released)
                or (moved and moved["reporting_category"] == "partial_capture_reversal")
            ):
                continue
            if self.within(moved["created"] if moved else refund["succeeded_at"]):
                total += refund["amount"]
            if refund["failed_at"] and self.within(
                back["created"] if back else refund["failed_at"]
            ):
                total -= refund["amount"]
        return total

    def known(self, column: str) -> int | None:
        """The sum over the orders that know it."""
        values = [order[column] for order in self.paid if order[column] is not None]
        return sum(values) if values else None

    def buyers(self) -> tuple[int, int]:
        """New customers and returning ones."""
        bought = {self.rows.buyer(order) for order in self.paid} - {0}
        firsts = ((buyer, self.rows.firsts[buyer]) for buyer in bought)
        new = {
            buyer
            for buyer, order in firsts
            if order["currency"] == self.currency and self.within(order["paid_at"])
        }
        return len(new), len(bought - new)

    def products(self) -> dict[int | None, dict[str, int | Fraction | None]]:
        """The figures of each product that was sold, and of the lines of none."""
        bought = {order["id"] for order in self.paid}
        lines = [line for line in self.rows.lines if line["order_id"] in bought]
        whole = sum(line["total_minor"] for line in lines)
        found: dict[int | None, dict[str, int | Fraction | None]] = {}
        for product in {line["product_id"] for line in lines}:
            mine = [line for line in lines if line["product_id"] == product]
            units, stock = sum(line["quantity"] for line in mine), self.rows.stock.get(product)
            brought = sum(line["total_minor"] for line in mine)
            found[product] = {
                "product_units": units,
                "product_orders": len({line["order_id"] for line in mine}),
                "product_sales": brought,
                "product_share": ratio(brought, whole),
                "days_of_stock": None if stock is None else int(Fraction(stock * self.days, units)),
            }
        return found

    def figures(self) -> dict[str, int | Fraction | None]:
        captured, refunds, orders = self.captured(), self.refunded(), len(self.paid)
        gross = sum(captured)
        brought = sum(order["captured_minor"] for order in self.paid)
        tried = [
            charge
            for charge in self.rows.charges.values()
            if charge["currency"] == self.currency and self.within(charge["created"])
        ]
        took = [c for c in tried if not (c["status"] == "failed" and c["captured_at"] is None)]
        disputed = {
            dispute["charge_id"]
            for dispute in self.rows.disputes
            if dispute["status"] not in INQUIRIES
            and dispute["charge_id"] in self.rows.charges
            and dispute["currency"] == self.currency
            and self.within(self.rows.charges[dispute["charge_id"]]["captured_at"])
        }
        taken = [
            round((order["fulfilled_at"] - order["paid_at"]) / timedelta(seconds=1))
            for order in self.rows.orders
            if order["currency"] == self.currency and self.within(order["fulfilled_at"])
        ]
        bought = {order["id"] for order in self.paid}
        new, returning = self.buyers()
        return {
            "gross_captured": gross,
            "refunds": refunds,
            "net_sales": gross - refunds,
            "orders": orders,
            "aov": round(Fraction(brought, orders)) if orders else None,
            "discounts": self.known("discount_minor"),
            "tax": self.known("tax_minor"),
            "shipping": self.known("shipping_minor"),
            "units": sum(one["quantity"] for one in self.rows.lines if one["order_id"] in bought),
            "refund_rate_orders": ratio(sum(o["refunded_minor"] > 0 for o in self.paid), orders),
            "refund_rate_value": ratio(refunds, gross),
            "payment_success_rate": ratio(len(took), len(tried)),
            "time_to_fulfil": ratio(sum(taken), len(taken)),
            "dispute_rate": ratio(len(disputed), len(captured)),
            "customers": new + returning,
            "new_customers": new,
            "returning_customers": returning,
            "repeat_rate": ratio(returning, new + returning),
        }


def ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


class Settlement:
    """The figures of the settlement of some days and a currency."""

    def __init__(self, rows: Rows, first: date, last: date, currency: str) -> None:
        def mine(row: Any) -> bool:
            created = row["created"]
            return (
                row["currency"] == currency
                and created is not None
                and first <= rows.day(created) <= last
            )

        self.moved = [row for row in rows.moved.values() if mine(row)]
        self.disputes = [row for row in rows.disputes if mine(row)]

    def of(self, *categories: str) -> int:
        """What the transactions of these categories moved."""
        return sum(row["amount"] for row in self.moved if row["reporting_category"] in categories)

    def figures(self) -> dict[str, int | Fraction | None]:
        charges = self.of("charge", "partial_capture_reversal")
        refunds = -self.of("refund", "refund_failure")
        withdrawn, returned = -self.of("dispute"), self.of("dispute_reversal")
        failed, adjusted = -self.of("charge_failure"), self.of("other_adjustment")
        payouts = -self.of("payout", "payout_reversal")
        fees = sum(row["fee"] for row in self.moved) - self.of("fee")
        balance = sum(row["net"] for row in self.moved)
        opened = [one for one in self.disputes if one["status"] not in INQUIRIES]
        return {
            "settled_charges": charges,
            "settled_refunds": refunds,
            "disputes_withdrawn": withdrawn,
            "disputes_returned": returned,
            "failed_payments": failed,
            "fees": fees,
            "fee_rate": ratio(fees, charges) if charges > 0 else None,
            "adjustments": adjusted,
            # What is left of the balance when all others are told.
            "other_movements": balance
            - (charges - refunds - withdrawn + returned - failed - fees + adjusted - payouts),
            "settled_net": balance + payouts,
            "payouts": payouts,
            "balance_change": balance,
            "disputes_opened": len(opened),
            "disputes_opened_value": sum(one["amount"] for one in opened),
            "inquiries": len(self.disputes) - len(opened),
        }
