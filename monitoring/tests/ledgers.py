"""Rows of the four ledgers that a reconciliation compares, for its tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from config.tests.rows import build
from monitoring.tests.rows import link, move
from orders.models import Order
from payments.models import BalanceTransaction, Charge, Refund


def at(day: int, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    """A time in March 2026, UTC."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def charge(key: str, amount: int, captured_at: datetime, **values: Any) -> Charge:
    """A captured charge in euros of the payment ``pi_<key>``, which ``txn_<key>`` settles."""
    return build(
        Charge,
        **{
            "id": f"ch_{key}",
            "payment_intent_id": f"pi_{key}",
            "amount": amount,
            "amount_captured": amount,
            "currency": "eur",
            "status": "succeeded",
            "captured_at": captured_at,
            "created": captured_at,
            "balance_transaction_id": f"txn_{key}",
            **values,
        },
    )


def refund(key: str, of: str, amount: int, succeeded_at: datetime, **values: Any) -> Refund:
    """A refund in euros, which ``txn_<key>`` settles."""
    return build(
        Refund,
        **{
            "id": f"re_{key}",
            "charge_id": f"ch_{of}",
            "amount": amount,
            "currency": "eur",
            "status": "succeeded",
            "succeeded_at": succeeded_at,
            "created": succeeded_at,
            "balance_transaction_id": f"txn_{key}",
            **values,
        },
    )


def moved(
    key: str,
    amount: int,
    created: datetime,
    category: str = "charge",
    fee: int = 0,
    **values: Any,
) -> BalanceTransaction:
    """A movement of the balance in euros."""
    return build(
        BalanceTransaction,
        **{
            "id": f"txn_{key}",
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "eur",
            "created": created,
            "available_on": created,
            "reporting_category": category,
            "source": f"ch_{key}",
            **values,
        },
    )


def order(
    number: str, captured: int, paid_at: datetime | None, *payments: str, currency: str = "eur"
) -> Order:
    """An order, paid where a time is given, with its payments by their keys."""
    row: Order = build(
        Order,
        number=number,
        currency=currency,
        total_minor=captured,
        captured_minor=captured,
        placed_at=at(1),
    )
    if paid_at:
        move(row, "paid", paid_at=paid_at)
    for payment in payments:
        link(row, f"pi_{payment}")
    return row


def two_days() -> None:
    """Everything that can lie between the ledgers, on 3 March 2026 UTC and in the first seconds of
    the 4th."""
    # The plain case: paid, settled, a part refunded, on one day.
    charge("plain", 10_000, at(3, 10))
    moved("plain", 10_000, at(3, 10), fee=300)
    order("A-1", 10_000, at(3, 10), "plain")
    refund("part", "plain", 3_000, at(3, 15))
    moved("part", -3_000, at(3, 15), "refund", source="re_part")
    # Captured in the last second, settled in the next day.
    charge("late", 5_000, at(3, 23, 59, 59))
    moved("late", 5_000, at(4, 0, 0, 3), fee=200)
    order("A-2", 5_000, at(3, 23, 59, 59), "late")
    # Not settled yet, and of no order.
    charge("alone", 4_000, at(3), balance_transaction_id=None)
    # Of an invoice.
    charge("invoice", 2_000, at(3), invoice_id="in_1")
    moved("invoice", 2_000, at(3), fee=100)
    # Of an order that is still pending.
    charge("pending", 1_000, at(3))
    moved("pending", 1_000, at(3), fee=50)
    order("A-3", 0, None, "pending")
    # In dollars, settled in euros; a second payment of that order in euros.
    charge("dollars", 11_000, at(3), currency="usd")
    moved("dollars", 10_000, at(3), fee=400)
    order("A-4", 11_000, at(3), "dollars", "euros", currency="usd")
    charge("euros", 1_500, at(3))
    moved("euros", 1_500, at(3))
    # Settled with one euro less than captured.
    charge("short", 3_000, at(3))
    moved("short", 2_900, at(3))
    order("A-5", 3_000, at(3), "short")
    # An order without its charge, and one that says 5 more than was captured the day before.
    order("A-6", 7_000, at(3))
    charge("before", 4_000, at(2))
    moved("before", 4_000, at(2))
    order("A-7", 4_500, at(3), "before")
    # What moves the balance besides.
    moved("payout", -50_000, at(3), "payout", source="po_1")
    moved("dispute", -2_500, at(3), "dispute", fee=1_500, source="dp_1")
    moved("fee", -125, at(3), "fee", source="")
    moved("failed", -800, at(3), "charge_failure", source="ch_old")
    moved("topup", 6_000, at(3), "topup", source="tu_1")
    moved("orphan", 900, at(3), source="ch_gone")
    moved("moon", -700, at(3), "moon_tax", source="")
