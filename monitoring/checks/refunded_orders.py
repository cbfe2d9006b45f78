"""Checks of what refunds and disputes together take, and of what a full refund must do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge
from payments.money import format_money

# Only disputed charges can be; that more was refunded than captured is told by refund_mismatch.
TAKEN_TWICE = """
SELECT charge.id, charge.currency, charge.captured, charge.refunded, charge.disputed,
    charge.captured_at, o.id AS order_id, o.number
FROM payments_refundable AS charge
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE charge.id IN (SELECT charge_id FROM payments_dispute)
    AND charge.disputed > 0 AND charge.refunded > 0
    AND charge.refunded + charge.disputed > charge.captured
ORDER BY charge.id
"""


@check(
    name="refunded_and_disputed",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="A payment was refunded and disputed, together for more than it brought: the customer "
    "gets the money twice.",
    remedy="Answer the dispute with the refund as evidence, before its due date.",
    remedies=("read_again",),
)
def refunded_and_disputed(now: datetime) -> Iterator[Finding]:
    for row in rows(TAKEN_TWICE, {}):
        currency = row["currency"]
        captured, refunded, disputed = (
            int(row[name]) for name in ("captured", "refunded", "disputed")
        )
        yield Finding(
            subject_type=label(Charge),
            subject_id=row["id"],
            summary=f"{format_money(refunded, currency)} refunded and "
            f"{format_money(disputed, currency)} disputed of a payment of "
            f"{format_money(captured, currency)}",
            evidence={
                "captured": amount(captured, currency),
                "refunded": amount(refunded, currency),
                "disputed": amount(disputed, currency),
                "captured at": moment(row["captured_at"]),
                "order": reference(Order, row["order_id"], row["number"])
                if row["order_id"]
                else "",
            },
            amount_minor=refunded + disputed - captured,
            currency=currency,
        )


NOT_CANCELED = """
SELECT id, number, currency, captured_minor, refunded_minor, paid_at FROM orders_order
WHERE status = 'paid' AND captured_minor > 0 AND refunded_minor = captured_minor
ORDER BY id
"""


@check(
    name="refunded_order_not_canceled",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    meaning="All of an order's money was given back and the order still waits to be fulfilled: "
    "somebody may send it for nothing.",
    remedy="Hold it back. Have its payment read again, which cancels the order; if it stays, look "
    "for dead events.",
    remedies=("read_again",),
)
def refunded_order_not_canceled(now: datetime) -> Iterator[Finding]:
    for row in rows(NOT_CANCELED, {}):
        currency = row["currency"]
        yield Finding(
            subject_type=label(Order),
            subject_id=str(row["id"]),
            summary=f"Order {row['number']} was refunded in full "
            f"({format_money(row['refunded_minor'], currency)}) and is still to be fulfilled",
            evidence={
                "captured": amount(row["captured_minor"], currency),
                "refunded": amount(row["refunded_minor"], currency),
                "paid at": moment(row["paid_at"]),
            },
            amount_minor=row["refunded_minor"],
            currency=currency,
        )
