"""Anomalies for ``monitoring/checks/payouts.py``."""

from __future__ import annotations

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.arriving import DAY, moved, paid_out, payout
from payments.models import BalanceTransaction, Payout


def lose_a_transaction() -> None:
    paid_out()
    BalanceTransaction.objects.filter(pk="txn_1").update(amount=7_500, net=7_500)


def payout_that_fails() -> None:
    payout(status="failed", failure_balance_transaction_id="txn_back", automatic=False)
    back = {"type": "payout_failure", "reporting_category": "payout_reversal"}
    moved("back", 9_000, source="po_1", created=timezone.now() - DAY, **back)


def second_payout(destination: str = "ba_1") -> None:
    payout("2", automatic=False, created=timezone.now(), destination=destination)


def payout_elsewhere() -> None:
    payout(automatic=False)
    second_payout("ba_2")


ANOMALIES = {
    "payout_mismatch": Anomaly(
        make=lose_a_transaction,
        finds=lambda: {("payments.payout", "po_1", 1_500, "eur")},
        mend=lambda: moved("2", 1_500, of="po_1"),
        again=lambda: BalanceTransaction.objects.filter(pk="txn_2").delete(),
    ),
    "payout_failed": Anomaly(
        make=payout_that_fails,
        finds=lambda: {("payments.payout", "po_1", 9_000, "eur")},
        mend=second_payout,
        again=lambda: Payout.objects.filter(pk="po_2").update(status="canceled"),
    ),
    "payout_destination_changed": Anomaly(
        make=payout_elsewhere,
        finds=lambda: {("payments.payout", "po_2", 9_000, "eur")},
        mend=lambda: Payout.objects.filter(pk="po_2").update(destination="ba_1"),
        again=lambda: Payout.objects.filter(pk="po_2").update(destination="card_3"),
    ),
}
