"""Every commercial figure, computed a second way: in plain Python over the rows themselves.

Nothing of the app is used for that, neither its days nor its SQL nor its formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Model
from django.http import QueryDict

from analyticsapp.kpis import CUSTOMERS
from analyticsapp.periods import period_of
from analyticsapp.selectors import executive
from analyticsapp.services import snapshots
from analyticsapp.tests.history import END, History
from orders.models import Customer, Order, OrderLine
from payments.models import BalanceTransaction, Charge, Dispute, Refund

pytestmark = pytest.mark.django_db
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Havana",  # clocks change at midnight
    "Asia/Kathmandu",  # 5 hours and 45 minutes from UTC
    "Pacific/Auckland",
    "America/Los_Angeles",
]
# Presets, calendar periods, leap and daylight-saving days; random ranges come on top.
QUERIES = [
    "days=7",
    "days=30",
    "days=90",
    "month=2027-02",
    "month=2027-10",
    "month=2028-02",
    "month=2028-04",
    "quarter=2027-Q4",
    "quarter=2028-Q1",
    "quarter=2028-Q2",
    "from=2028-02-29&to=2028-02-29",
    "from=2027-03-14&to=2027-03-14",
    "from=2027-03-28&to=2027-03-28",
    "from=2027-10-31&to=2027-11-07",
    "from=2027-04-04&to=2027-09-26",
    "from=2027-02-01&to=2028-04-12",
]


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


class SecondWay:
    """The figures of some days and a currency."""

    def __init__(self, rows: Rows, first: date, last: date, currency: str) -> None:
        self.rows, self.currency = rows, currency
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
            charge = self.rows.charges[refund["charge_id"]]
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
            if dispute["status"] in {"lost", "won", "needs_response"}
            and dispute["currency"] == self.currency
            and self.within(self.rows.charges[dispute["charge_id"]]["captured_at"])
        }
        taken = [
            round((order["fulfilled_at"] - order["paid_at"]) / timedelta(seconds=1))
            for order in self.rows.orders
            if order["currency"] == self.currency and self.within(order["fulfilled_at"])
        ]
        ids = {order["id"] for order in self.paid}
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
            "units": sum(one["quantity"] for one in self.rows.lines if one["order_id"] in ids),
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


def counted(first: date, last: date) -> bool:
    """Whether distinct customers are counted for these days."""
    days = (last - first).days + 1
    of_month = first == last.replace(day=1)
    of_quarter = (
        first.day == 1
        and first.month % 3 == 1
        and (last.year, last.month) in {(first.year, first.month + n) for n in range(3)}
    )
    return days in {7, 30, 90} or of_month or of_quarter


@pytest.mark.parametrize("zone", ZONES)
def test_every_figure_is_what_the_rows_come_to_counted_by_hand(settings: Any, zone: str) -> None:
    settings.REPORTING_TIME_ZONE = zone
    History(seed=ZONES.index(zone), purchases=350)
    snapshots.build_all(now=END)
    rows, chance = Rows(zone), Random(zone)
    ranges = []
    for _ in range(8):
        first, last = sorted(date(2027, 2, 1) + timedelta(chance.randrange(436)) for _ in "ab")
        ranges.append(f"from={first}&to={last}")
    for query in [*QUERIES, *ranges]:
        period = period_of(QueryDict(query), END)
        for currency in ("eur", "usd", "jpy"):
            board = executive.board(period, currency, END)
            assert board
            shown = {one.kpi.key: one for one in (*board.figures, *board.more)}
            for window, pick in (
                (period, lambda one: one.value),
                (period.before(), lambda one: one.change and one.change.before),
                (period.year_before(), lambda one: one.year_change and one.year_change.before),
            ):
                if window is not period and window.first < board.first_day:
                    assert not any(pick(one) for one in shown.values())
                    continue
                expected = SecondWay(rows, window.first, window.last, currency).figures()
                assert set(expected) == set(shown)
                for key, figure in shown.items():
                    value = pick(figure)
                    where = (key, query, str(window.first), str(window.last), currency)
                    if figure.kpi in CUSTOMERS and not counted(window.first, window.last):
                        assert value is None, where
                    elif window is period or figure.value is not None:
                        assert value == expected[key], where
