"""The bridge counted a second way: row by row in Python, from the definitions alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from analyticsapp.days import day_of
from payments.models import BalanceTransaction, Charge, Dispute, Refund
from payments.selectors import refunds_of_captured

Key = tuple[date, str, str, str, date | None]
NAMES = {
    "charge": ("captured", "sales_out", "sales_in", "sales_unsettled"),
    "refund": ("refunded", "refunds_out", "refunds_in", "refunds_unsettled"),
}


@dataclass
class Sale:
    """Something that moved a customer's money."""

    of: str
    currency: str
    at: datetime
    amount: int
    settled: int = 0
    released: int = 0


class Bridge:
    """All lines of all days: amount and number of rows by day, currencies, line and other day."""

    def __init__(self) -> None:
        self.charges = {one.pk: one for one in Charge.objects.all()}
        self.refunds = {one.pk: one for one in Refund.objects.all()}
        self.moved = list(
            BalanceTransaction.objects.exclude(created=None).order_by("created", "id")
        )
        self.disputes = {one.pk: one for one in Dispute.objects.all()}
        self.left: dict[str, Sale] = {}
        self.back: dict[str, Sale] = {}
        for gone in refunds_of_captured():
            self.left[gone.id] = Sale("refund", gone.currency, gone.counted_at, -gone.amount)
            if gone.returned_at:
                self.back[gone.id] = Sale("refund", gone.currency, gone.returned_at, gone.amount)
        self.paid = {
            one.pk: Sale("charge", one.currency, one.captured_at, one.amount_captured)
            for one in self.charges.values()
            if one.captured_at
        }
        self.lines: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
        self.count()

    def add(
        self,
        day: date,
        currency: str,
        counterpart: str,
        line: str,
        amount: int,
        other_day: date | None = None,
    ) -> None:
        if amount:
            sums = self.lines[day, currency, counterpart, line, other_day]
            sums[0] += amount
            sums[1] += 1

    def count(self) -> None:
        owned = {one.pk: self.owner(one) for one in self.moved}
        for owner, part in filter(None, owned.values()):
            owner.released -= part or 0
        for row in self.moved:
            self.of_fees(row, owned[row.pk])
            if row.reporting_category == "fee":
                continue
            if found := owned[row.pk]:
                owner, part = found
                self.settle(row, owner, owner.amount + owner.released if part is None else part)
            else:
                of_payments = ("charge", "refund", "refund_failure", "partial_capture_reversal")
                line = f"category:{row.reporting_category}"
                if row.reporting_category in of_payments:
                    line = "unmatched"
                self.add(booked_on(row), row.currency, self.behind(row), line, row.amount)
        for sale in (*self.paid.values(), *self.left.values(), *self.back.values()):
            start, _, _, unsettled = NAMES[sale.of]
            self.add(day_of(sale.at), sale.currency, "", start, sale.amount)
            self.add(day_of(sale.at), sale.currency, "", unsettled, sale.settled - sale.amount)

    def settle(self, row: BalanceTransaction, sale: Sale, part: int) -> None:
        sale.settled += part
        sold, booked = day_of(sale.at), booked_on(row)
        if sold != booked:
            _, out, into, _ = NAMES[sale.of]
            self.add(sold, sale.currency, row.currency, out, -part, booked)
            self.add(booked, sale.currency, row.currency, into, part, sold)
        if sale.currency == row.currency:
            self.add(booked, row.currency, row.currency, "amounts_differ", row.amount - part)
        else:
            self.add(booked, sale.currency, row.currency, "exchanged_out", -part)
            self.add(booked, row.currency, sale.currency, "exchanged_in", row.amount)

    def of_fees(self, row: BalanceTransaction, found: tuple[Sale, int | None] | None) -> None:
        told: Counter[str] = Counter()
        for one in row.fee_details:
            told[one["type"]] += one["amount"]
        told["unspecified"] += row.fee - told.total()
        if row.reporting_category == "fee":
            told[row.type] -= row.amount
        other = found[0].currency if found else self.behind(row)
        for kind, amount in told.items():
            self.add(booked_on(row), row.currency, other, f"fee:{kind}", -amount)

    def behind(self, row: BalanceTransaction) -> str:
        """The currency of the object that a transaction is for."""
        charge, refund = self.charges.get(row.source), self.refunds.get(row.source)
        if charge and charge.captured_at:
            return charge.currency
        if refund and refund.succeeded_at:
            return refund.currency
        dispute = self.disputes.get(row.source)
        return dispute.currency if dispute else ""

    def owner(self, row: BalanceTransaction) -> tuple[Sale, int | None] | None:
        """The sale that a transaction is of, and which part of it where that isn't the rest."""
        ways: dict[str, tuple[str, dict[str, Any], dict[str, Sale] | None]] = {
            "charge": ("balance_transaction_id", self.charges, self.paid),
            "refund": ("balance_transaction_id", self.refunds, self.left),
            "refund_failure": ("failure_balance_transaction_id", self.refunds, self.back),
            "partial_capture_reversal": ("balance_transaction_id", self.refunds, None),
        }
        if row.reporting_category not in ways:
            return None
        name, rows, sales = ways[row.reporting_category]
        mine = rows if sales is None else sales
        naming = sorted(pk for pk in mine if getattr(rows[pk], name) == row.pk)
        if naming:
            pk = naming[0]
        else:
            pk = row.source
            alike = [
                one.pk
                for one in self.moved
                if (one.source, one.reporting_category) == (row.source, row.reporting_category)
            ]
            if pk not in mine or getattr(rows[pk], name) is not None or alike[0] != row.pk:
                return None
        if sales is not None:
            return sales[pk], None
        refund = self.refunds[pk]
        charge = self.charges.get(refund.charge_id or "")
        if not (refund.succeeded_at and charge and charge.captured_at):
            return None
        if charge.amount_captured >= charge.amount:
            return None
        return self.paid[charge.pk], -refund.amount


def booked_on(row: BalanceTransaction) -> date:
    assert row.created
    return day_of(row.created)
