"""Checks of disputes: Stripe takes an answer until a date, and then counts it as lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, Dispute
from payments.money import format_money

# How bad it is by how long there is, the shortest first.
NEAR = (
    (timedelta(days=1), Severity.CRITICAL),
    (timedelta(days=3), Severity.HIGH),
)

NEEDS_ANSWER = """
SELECT dispute.id, dispute.status, dispute.reason, dispute.amount, dispute.currency,
    dispute.due_by, dispute.created, dispute.charge_id, link.order_id, o.number
FROM payments_dispute AS dispute
LEFT JOIN payments_charge AS charge ON charge.id = dispute.charge_id
LEFT JOIN orders_orderpayment AS link
    ON link.payment = coalesce(dispute.payment_intent_id, charge.payment, dispute.charge_id)
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE dispute.status = ANY(%(statuses)s)
ORDER BY dispute.due_by NULLS LAST, dispute.id
"""


@check(
    name="dispute_needs_answer",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="A customer’s bank disputes a payment and waits for your side of it. After the due "
    "date the dispute is lost, and the money with it.",
    remedy="Open it in Stripe’s dashboard from its page and submit evidence, or accept it there.",
    remedies=("read_again",),
)
def dispute_needs_answer(now: datetime) -> Iterator[Finding]:
    for row in rows(NEEDS_ANSWER, {"statuses": list(Dispute.NEEDS_ANSWER)}):
        due, currency = row["due_by"], row["currency"]
        if due is None:
            when = "no due date given"
        elif due < now:
            when = f"overdue since {due:%Y-%m-%d %H:%M} UTC"
        else:
            when = f"due {due:%Y-%m-%d %H:%M} UTC"
        order = reference(Order, row["order_id"], row["number"]) if row["order_id"] else ""
        yield Finding(
            subject_type=label(Dispute),
            subject_id=row["id"],
            summary=f"{format_money(row['amount'], currency)} disputed as "
            f"{row['reason'] or 'something unsaid'}: answer {when}",
            evidence={
                "disputed": amount(row["amount"], currency),
                "reason": row["reason"],
                "status": row["status"],
                "answer due": moment(due),
                "opened": moment(row["created"]),
                "charge": reference(Charge, row["charge_id"]) if row["charge_id"] else "",
                "order": order,
            },
            amount_minor=row["amount"],
            currency=currency,
            severity=urgency(due, now),
        )


def urgency(due: datetime | None, now: datetime) -> Severity:
    """How severe an unanswered dispute is: more so the nearer its date, most when it has passed."""
    if due is None:
        return Severity.HIGH
    for near, severity in NEAR:
        if due < now + near:
            return severity
    return Severity.MEDIUM
