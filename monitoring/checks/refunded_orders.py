"""Checks of what refunds and disputes together take, and of what a full refund must do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.checks.order_payments import OWN_INTENT, REQUIRED
from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge
from payments.money import format_money

# Of all charges, those are looked at of which it can be: what a bank holds is dear to tell.
ABOVE = """
WITH suspect AS (
    SELECT charge_id AS id FROM payments_dispute WHERE charge_id IS NOT NULL
    UNION
    SELECT id FROM payments_charge WHERE amount_refunded > 0 AND amount_refunded > amount
    UNION
    SELECT charge.id
    FROM payments_refund AS refund
    JOIN payments_charge AS charge ON charge.id = refund.charge_id
    WHERE refund.status NOT IN ('failed', 'canceled')
    GROUP BY charge.id
    HAVING sum(refund.amount) > charge.amount_captured
)
SELECT charge.id, charge.currency, charge.captured, charge.refunded, charge.disputed,
    charge.captured_at, o.id AS order_id, o.number
FROM payments_refundable AS charge
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE charge.id IN (SELECT id FROM suspect)
    AND charge.refunded + charge.disputed > charge.captured
ORDER BY charge.id
"""


@check(
    name="given_back_above_captured",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SALES,),
    meaning="Of a payment more was refunded, or refunded and disputed, than it brought: the "
    "customer gets money twice.",
    remedy="Answer the dispute before its due date, with the refund as evidence. Where it is lost, "
    "ask the customer for the money, or accept the loss. If refunds alone are too much, ask "
    "Stripe's support how.",
    remedies=("read_again",),
)
def given_back_above_captured(now: datetime) -> Iterator[Finding]:
    for row in rows(ABOVE, {}):
        currency = row["currency"]
        captured, refunded, disputed = (
            int(row[name]) for name in ("captured", "refunded", "disputed")
        )
        yield Finding(
            subject_type=label(Charge),
            subject_id=row["id"],
            summary=f"{format_money(refunded, currency)} refunded"
            + (f" and {format_money(disputed, currency)} disputed" if disputed else "")
            + f" of a payment of {format_money(captured, currency)}",
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


# Where less was captured than the order is worth, it was paid elsewhere too, and that isn't known
# to be given back.
NOT_CANCELED = f"""
SELECT o.id, o.number, o.currency, o.captured_minor, o.refunded_minor, o.paid_at
FROM orders_order AS o
{OWN_INTENT}
WHERE o.status = 'paid' AND o.refund_status = 'full' AND o.captured_minor >= {REQUIRED}
ORDER BY o.id
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
