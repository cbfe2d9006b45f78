"""Rows of money on its way to the bank, as the checks' tests write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from config.tests.rows import build
from payments.models import BalanceReading, BalanceTransaction, Payout

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def payout(key: str = "1", amount: int = 9_000, **values: Any) -> Payout:
    """An automatic payout of three days ago that was paid and reconciled a day ago."""
    return build(
        Payout,
        **{
            "id": f"po_{key}",
            "amount": amount,
            "currency": "eur",
            "status": "paid",
            "automatic": True,
            "reconciliation_status": "completed",
            "created": timezone.now() - 3 * DAY,
            "as_of": timezone.now() - DAY,
            "destination": "ba_1",
            "type": "bank_account",
            **values,
        },
    )


def moved(key: str = "1", net: int = 9_000, *, of: str | None = None, **values: Any) -> Any:
    """A balance transaction of four days ago without a fee, held by the payout ``of``."""
    return build(
        BalanceTransaction,
        **{
            "id": f"txn_{key}",
            "amount": net,
            "fee": 0,
            "net": net,
            "currency": "eur",
            "type": "charge",
            "reporting_category": "charge",
            "balance_type": "payments",
            "source": f"ch_{key}",
            "payout_id": of,
            "created": timezone.now() - 4 * DAY,
            **values,
        },
    )


def paid_out(amount: int = 9_000) -> Payout:
    """A payout with its own transaction and the one that it holds."""
    made = payout(amount=amount, balance_transaction_id="txn_po")
    moved(net=amount, of="po_1")
    kind = {"type": "payout", "reporting_category": "payout"}
    moved("po", -amount, of="po_1", source="po_1", created=made.created, **kind)
    return made


def reading(
    ago: timedelta = HOUR, available: int = 0, pending: int = 0, **values: Any
) -> BalanceReading:
    """A reading of the balance of payments in EUR."""
    held = {"eur": {"available": available, "pending": pending}}
    at: datetime = timezone.now() - ago
    return build(
        BalanceReading, **{"amounts": {"payments": held}, "created": at, "as_of": at, **values}
    )
