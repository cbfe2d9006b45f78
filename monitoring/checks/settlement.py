"""Checks of money on its way to the balance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge
from payments.money import format_money

# Captured asynchronously, a charge has its balance transaction within hours.
SETTLED_WITHIN = timedelta(days=3)

UNSETTLED = """
SELECT charge.id, charge.amount_captured AS amount, charge.currency, charge.captured_at,
    charge.payment_method_type, charge.as_of, o.id AS order_id, o.number
FROM payments_charge AS charge
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE charge.balance_transaction_id IS NULL
    AND charge.captured_at < %(before)s
    AND charge.amount_captured > 0 AND charge.status <> 'failed'
ORDER BY charge.captured_at, charge.id
"""


@check(
    name="charge_not_settled",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SETTLEMENT,),
    meaning="Money was captured more than three days ago and hasn’t reached the Stripe balance, as "
    "far as is known here: its fee and its payout are unknown.",
    remedy="Read the charge again from Stripe: its event may have been lost. If Stripe shows no "
    "balance transaction either, ask Stripe’s support with the charge’s id.",
    remedies=("read_again",),
)
def charge_not_settled(now: datetime) -> Iterator[Finding]:
    for row in rows(UNSETTLED, {"before": now - SETTLED_WITHIN}):
        currency = row["currency"]
        order = reference(Order, row["order_id"], row["number"]) if row["order_id"] else ""
        yield Finding(
            subject_type=label(Charge),
            subject_id=row["id"],
            summary=f"{format_money(row['amount'], currency)} captured on "
            f"{row['captured_at']:%Y-%m-%d} without a balance transaction",
            evidence={
                "captured": amount(row["amount"], currency),
                "captured at": moment(row["captured_at"]),
                "paid by": row["payment_method_type"],
                "order": order,
                "last heard of": moment(row["as_of"]),
            },
            amount_minor=row["amount"],
            currency=currency,
        )
