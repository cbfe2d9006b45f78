"""Checks of authorisations: money that is held on a card is nobody's until it is captured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Finding, amount, check, label, moment, reference, rows
from orders.models import Order
from payments.models import Charge, PaymentIntent
from payments.money import format_money

# Stripe says how long a card's authorisation holds (capture_before); else seven days:
# https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
HELD_FOR = timedelta(days=7)
NEAR = timedelta(days=2)
URGENT = timedelta(days=1)

# A charge without an intent, of old, is captured by itself.
EXPIRING = """
WITH held AS (
    SELECT intent.id AS intent, charge.id AS charge_id, intent.id AS payment,
        coalesce(nullif(intent.amount_capturable, 0), intent.amount) AS amount, intent.currency,
        coalesce(charge.created, intent.created, intent.as_of) AS since, charge.capture_before,
        charge.payment_method_type
    FROM payments_paymentintent AS intent
    LEFT JOIN payments_charge AS charge ON charge.id = intent.latest_charge_id
        AND charge.status = 'succeeded'
    WHERE intent.status = 'requires_capture'
    UNION ALL
    SELECT NULL, id, id, amount, currency, coalesce(created, as_of), capture_before,
        payment_method_type
    FROM payments_charge
    WHERE payment_intent_id IS NULL AND status = 'succeeded' AND captured_at IS NULL
        AND NOT captured AND NOT refunded AND amount_refunded = 0
),
ending AS (
    SELECT *, coalesce(capture_before, since + %(held_for)s) AS until FROM held
)
SELECT ending.*, o.id AS order_id, o.number
FROM ending
LEFT JOIN orders_orderpayment AS link ON link.payment = ending.payment
LEFT JOIN orders_order AS o ON o.id = link.order_id
WHERE ending.until < %(near)s
ORDER BY ending.until, ending.payment
"""


@check(
    name="authorisation_expiring",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    meaning="Money is held on a customer's card and not captured, and the hold ends within two "
    "days: then it is gone, and the customer must be asked anew.",
    remedy="Capture it in Stripe's dashboard if the order can be served; else cancel it there, so "
    "that the customer has it back. If the hold has ended, ask for the payment anew.",
    remedies=("read_again",),
)
def authorisation_expiring(now: datetime) -> Iterator[Finding]:
    for row in rows(EXPIRING, {"held_for": HELD_FOR, "near": now + NEAR}):
        currency, until = row["currency"], row["until"]
        whose = f" for order {row['number']}" if row["number"] else ""
        ends = "ended" if until < now else "ends"
        yield Finding(
            subject_type=label(PaymentIntent if row["intent"] else Charge),
            subject_id=row["payment"],
            summary=f"{format_money(row['amount'], currency)} held{whose} and not captured: the "
            f"hold {ends} {until:%Y-%m-%d %H:%M} UTC",
            evidence={
                "held": amount(row["amount"], currency),
                "held since": moment(row["since"]),
                "until": moment(until),
                "said by": "Stripe" if row["capture_before"] else "seven days from its start",
                "paid by": row["payment_method_type"] or "",
                "charge": reference(Charge, row["charge_id"]) if row["charge_id"] else "",
                "order": reference(Order, row["order_id"], row["number"])
                if row["order_id"]
                else "",
            },
            amount_minor=row["amount"],
            currency=currency,
            severity=Severity.HIGH if until < now + URGENT else None,
        )
