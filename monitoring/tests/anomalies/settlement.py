"""Anomalies for ``monitoring/checks/settlement.py``."""

from __future__ import annotations

from django.utils import timezone

from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.arriving import DAY
from monitoring.tests.rows import payment
from payments.models import Charge

ANOMALIES = {
    "charge_not_settled": Anomaly(
        # Of an invoice, so that no order is missed.
        make=lambda: payment(captured_at=timezone.now() - 4 * DAY, invoice_id="in_1"),
        finds=lambda: {("payments.charge", "ch_1", 5_000, "eur")},
        mend=lambda: Charge.objects.update(balance_transaction_id="txn_1"),
        again=lambda: Charge.objects.update(balance_transaction_id=None),
    ),
}
