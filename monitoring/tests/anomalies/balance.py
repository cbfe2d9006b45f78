"""Anomalies for ``monitoring/checks/balance.py``."""

from __future__ import annotations

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.arriving import HOUR, moved, reading
from payments.models import BalanceReading, BalanceTransaction


def lack_a_transaction() -> None:
    moved(net=9_000)
    for number in range(1, 4):
        reading(number * HOUR, available=6_000, pending=3_250, whole_history=True)


def owe_stripe() -> None:
    reading(2 * HOUR, available=4_000)
    reading(HOUR, available=-6_000, pending=1_000)


ANOMALIES = {
    "balance_mismatch": Anomaly(
        make=lack_a_transaction,
        finds=lambda: {("balance", "eur payments", 250, "eur")},
        mend=lambda: moved("2", 250),
        again=lambda: BalanceTransaction.objects.filter(pk="txn_2").delete(),
    ),
    "balance_negative": Anomaly(
        make=owe_stripe,
        finds=lambda: {("balance", "eur payments", 5_000, "eur")},
        mend=lambda: reading(HOUR / 2, available=-1_000, pending=1_000),
        again=lambda: BalanceReading.objects.order_by("-created")[0].delete(),
    ),
}
