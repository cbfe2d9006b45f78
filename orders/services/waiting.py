"""Orders of payments that waited for a Checkout session and got none."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from orders.models import WaitingPayment
from orders.services.causes import FromInbox
from orders.services.linking import INTENT, ORIGIN, PATIENCE
from orders.services.settlement import Touched, settle_touched

BATCH = 500
# An answer that doesn't come in a day won't come: the payment is then what it looks like.
ANSWER_WITHIN = timedelta(days=1)

# What came to be known of a payment may still stand in the inbox, and its own row says nothing yet.
DUE = """
    WITH arriving AS MATERIALIZED (
        SELECT coalesce(
            payload #>> '{data,object,payment_intent,id}',
            payload #>> '{data,object,payment_intent}',
            payload #>> '{data,object,payment,payment_intent}'
        ) AS payment
        FROM payments_stripeevent
        WHERE status IN ('received', 'failed')
            AND object_type IN ('checkout.session', 'invoice_payment')
        UNION ALL
        SELECT object_id
        FROM payments_stripeevent
        WHERE status IN ('received', 'failed') AND object_type = 'payment_intent'
    )
    SELECT payment FROM orders_waitingpayment AS waiting
    WHERE due_at <= %(now)s
        AND NOT EXISTS (SELECT FROM arriving WHERE arriving.payment = waiting.payment)
        AND NOT EXISTS (
            SELECT FROM payments_readrequest AS asked
            WHERE %(asking)s AND asked.kind = ANY(%(kinds)s)
                AND asked.key = waiting.payment AND asked.attempts = 0
                AND asked.created_at > %(unanswered_since)s
        )
    ORDER BY due_at, id
    LIMIT %(batch)s
"""


def settle_waiting(now: datetime | None = None) -> int:
    """Make the orders of payments that have waited long enough; return how many were made.

    A payment waits five minutes from when Stripe told us of it. While its intent or its origin is
    still to be asked of Stripe (there is a key, and the first try hasn't been made), or the answer
    is in the inbox, it waits on: a subscription's payment that came before its invoice's would
    become an order, and an order can't be unmade.
    """
    now = now or timezone.now()
    made = 0
    while keys := due(now):
        with transaction.atomic():
            made += settle_touched(
                Touched(payments=set(keys)),
                FromInbox(reason=f"named no order within {PATIENCE.seconds // 60} minutes"),
                ripe=keys,
            )
            # Those that came to be an invoice's, or another's, wait no longer either.
            WaitingPayment.objects.filter(payment__in=keys).delete()
    return made


def due(now: datetime) -> list[str]:
    """The next payments to make orders of, those that have waited longest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            DUE,
            {
                "now": now,
                "kinds": [INTENT, ORIGIN],
                "asking": bool(settings.STRIPE_API_KEY),
                "unanswered_since": now - ANSWER_WITHIN,
                "batch": BATCH,
            },
        )
        return [payment for (payment,) in cursor.fetchall()]
