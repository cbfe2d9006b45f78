"""Checks of payments that turn out otherwise than their order was told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.checks.payments_orders import FAILED_LATE, charges
from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge
from payments.money import format_money

# What is kept because a refund failed is told with that refund: all that was ever refunded of a
# payment counts. One that was refunded anew makes up for no other payment.
CANCELED = """
WITH refund AS (
    SELECT payment, sum(amount) AS ever,
        coalesce(sum(amount) FILTER (WHERE returned_at IS NULL), 0) AS stayed
    FROM payments_counted_refund GROUP BY payment
)
SELECT o.id, o.number, o.currency, o.canceled_at,
    sum(charge.amount_captured) AS captured, coalesce(sum(refund.stayed), 0) AS refunded,
    sum(greatest(charge.amount_captured - coalesce(refund.ever, 0), 0)) AS kept,
    array_agg(charge.id ORDER BY charge.captured_at, charge.id) AS ids
FROM orders_order AS o
JOIN orders_orderpayment AS link ON link.order_id = o.id
JOIN payments_charge AS charge ON charge.payment = link.payment
    AND charge.currency = o.currency
LEFT JOIN refund ON refund.payment = charge.payment
WHERE o.status = 'canceled'
    AND charge.captured_at IS NOT NULL AND charge.status <> 'failed'
GROUP BY o.id
HAVING sum(greatest(charge.amount_captured - coalesce(refund.ever, 0), 0)) > 0
ORDER BY o.id
"""


@check(
    name="canceled_order_paid",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="Money was captured for an order that is canceled: nothing will be sent for it.",
    remedy="Refund it from the order's page, or agree on a new order for it.",
    remedies=("refund_part", "read_again"),
)
def canceled_order_paid(now: datetime) -> Iterator[Finding]:
    for row in rows(CANCELED, {}):
        kept, currency = int(row["kept"]), row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} is canceled, and {format_money(kept, currency)} "
            "was captured for it",
            evidence={
                "captured": amount(int(row["captured"]), currency),
                "refunded": amount(int(row["refunded"]), currency),
                "canceled at": moment(row["canceled_at"]),
                "charges": charges(row),
            },
            amount_minor=kept,
            currency=currency,
        )


# An order that others have paid meanwhile lacks nothing.
FAILED = f"""
SELECT o.id, o.number, o.status, charge.id AS charge_id, charge.amount_captured AS amount,
    charge.currency, charge.captured_at, charge.failure_code
{FAILED_LATE}
ORDER BY o.id, charge.id
"""


@check(
    name="payment_failed_late",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="A payment failed after it had succeeded, as bank debits do: its order counts as paid, "
    "and the money is gone.",
    remedy="Don't send what isn't sent yet. Ask for the payment anew; this is resolved when the "
    "order is paid by other payments.",
    remedies=("read_again",),
)
def payment_failed_late(now: datetime) -> Iterator[Finding]:
    for row in rows(FAILED, {}):
        yield Finding(
            subject_type=label(Charge),
            subject_id=row["charge_id"],
            summary=f"The payment of {format_money(row['amount'], row['currency'])} for order "
            f"{row['number']}, which is {row['status']}, failed after it had succeeded",
            evidence={
                "order": reference(Order, row["id"], row["number"]),
                "amount": amount(row["amount"], row["currency"]),
                "captured at": moment(row["captured_at"]),
                "reason": row["failure_code"],
            },
            amount_minor=row["amount"],
            currency=row["currency"],
        )
