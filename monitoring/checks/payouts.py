"""Checks of payouts: each is the sum of what it holds, and arrives where it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.models import Kind, Severity
from monitoring.registry import Area, Finding, amount, check, label, moment, reference, rows
from payments.models import BalanceTransaction, Payout
from payments.money import format_money

# Time for what an event asks to be read from Stripe: for one transaction, for a payout's list.
READ_WITHIN = timedelta(hours=1)
LIST_WITHIN = timedelta(days=1)
# Longer ago, money that went to a wrong account can't be stopped any more.
CHANGED_WITHIN = timedelta(days=30)

# Whether a list is whole is known: while it is read its request is there, and then what came waits
# in the inbox. A request that nobody could try, without a key, says nothing.
MISMATCHES = """
WITH held AS (
    SELECT payout.id, count(*) AS transactions,
        coalesce(sum(held.net) FILTER (WHERE held.currency = payout.currency), 0) AS net,
        count(*) FILTER (WHERE held.currency <> payout.currency) AS strangers
    FROM payments_payout AS payout
    JOIN payments_balancetransaction AS held ON held.payout_id = payout.id
    -- The list has the payout's own transaction too.
    WHERE payout.automatic AND payout.reconciliation_status = 'completed'
        AND held.source <> payout.id
    GROUP BY payout.id
)
SELECT payout.id, payout.amount, payout.currency, payout.arrival_date, read.error,
    coalesce(held.transactions, 0) AS transactions, coalesce(held.net, 0) AS net,
    coalesce(held.strangers, 0) AS strangers
FROM payments_payout AS payout
LEFT JOIN held ON held.id = payout.id
LEFT JOIN payments_readrequest AS read
    ON read.kind = 'payout.balance_transactions' AND read.key = payout.id
WHERE payout.automatic AND payout.reconciliation_status = 'completed'
    AND (payout.amount <> coalesce(held.net, 0) OR held.strangers > 0)
    -- Asked for when it is paid.
    AND (payout.status = 'paid' OR held.id IS NOT NULL)
    AND payout.as_of < %(told_before)s
    AND (read.id IS NULL OR (read.created_at < %(asked_before)s AND read.error <> ''))
    AND NOT EXISTS (
        SELECT FROM payments_stripeevent AS event
        WHERE event.status IN ('received', 'failed')
            AND event.object_type = 'balance_transaction'
            AND event.payload #>> '{context,payout}' = payout.id
    )
ORDER BY payout.created, payout.id
"""


@check(
    name="payout_mismatch",
    kind=Kind.INTEGRITY,
    severity=Severity.HIGH,
    touches=(Area.SETTLEMENT,),
    meaning="An automatic payout isn’t the sum of the balance transactions that Stripe lists for "
    "it: which payments it paid out can’t be told to the cent.",
    remedy="Read the payout again from Stripe. If a transaction is missing here: `manage.py "
    "sync_stripe --only payouts,balance_transactions`. If it is missing at Stripe too, ask "
    "Stripe’s support with the payout’s id.",
    remedies=("read_again",),
)
def payout_mismatch(now: datetime) -> Iterator[Finding]:
    before = {"told_before": now - READ_WITHIN, "asked_before": now - LIST_WITHIN}
    for row in rows(MISMATCHES, before):
        currency, held = row["currency"], int(row["net"])
        paid = format_money(row["amount"], currency)
        if row["transactions"]:
            summary = f"Payout of {paid} lists {format_money(held, currency)}"
        else:
            summary = f"Payout of {paid}: what it holds couldn’t be read"
        yield Finding(
            subject_type=label(Payout),
            subject_id=row["id"],
            summary=summary,
            evidence={
                "paid out": amount(row["amount"], currency),
                "transactions listed": row["transactions"],
                "their net": amount(held, currency),
                "difference": amount(row["amount"] - held, currency),
                "in other currencies": row["strangers"],
                "arrival": moment(row["arrival_date"]),
                "read error": row["error"] or "",
            },
            amount_minor=abs(row["amount"] - held),
            currency=currency,
        )


# Its money is back in the balance; a later payout that arrived has taken it out again.
FAILED = """
SELECT payout.id, payout.amount, payout.currency, payout.destination, payout.failure_code,
    payout.failure_message, payout.arrival_date, payout.as_of, back.id AS back_id,
    back.net AS back_net, back.currency AS back_currency, back.created AS back_at
FROM payments_payout AS payout
LEFT JOIN payments_balancetransaction AS back ON back.id = payout.failure_balance_transaction_id
WHERE payout.status = 'failed'
    AND NOT EXISTS (
        SELECT FROM payments_payout AS later
        WHERE later.status = 'paid' AND later.currency = payout.currency
            AND later.livemode = payout.livemode AND later.created > back.created
    )
ORDER BY payout.created, payout.id
"""


@check(
    name="payout_failed",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    touches=(Area.SETTLEMENT,),
    meaning="A payout didn’t arrive: the bank sent it back, and its money is in the Stripe balance "
    "again. Stripe may stop further payouts to that account. Critical if the money hasn’t come "
    "back to the balance either.",
    remedy="Correct the bank account in Stripe’s dashboard. This resolves once a later payout "
    "in that currency is paid. If the money isn’t back in the balance, ask Stripe’s support.",
    remedies=("read_again",),
)
def payout_failed(now: datetime) -> Iterator[Finding]:
    for row in rows(FAILED, {}):
        currency = row["currency"]
        lost = row["back_id"] is None and row["as_of"] < now - READ_WITHIN
        where = "its money hasn’t come back to the balance" if lost else "its money came back"
        if row["back_id"] is None and not lost:
            where = "its money is to come back"
        back = "" if row["back_id"] is None else amount(row["back_net"], row["back_currency"])
        yield Finding(
            subject_type=label(Payout),
            subject_id=row["id"],
            summary=f"Payout of {format_money(row['amount'], currency)} failed "
            f"({row['failure_code'] or 'no reason given'}): {where}",
            evidence={
                "paid out": amount(row["amount"], currency),
                "came back": back,
                "by": reference(BalanceTransaction, row["back_id"]) if row["back_id"] else "",
                "came back at": moment(row["back_at"]),
                "reason": row["failure_message"] or row["failure_code"],
                "destination": row["destination"],
                "arrival was due": moment(row["arrival_date"]),
            },
            amount_minor=abs(row["amount"]),
            currency=currency,
            severity=Severity.CRITICAL if lost else None,
        )


# Instant payouts go to a card, others to a bank account: each is compared with the one before of
# its type, the first of a type with the one before of any.
DESTINATIONS = """
WITH sent AS (
    SELECT id, created, amount, currency, destination, method,
        lag(id) OVER same_type AS id_before,
        lag(destination) OVER same_type AS before,
        lag(id) OVER any_type AS id_before_of_any,
        lag(destination) OVER any_type AS before_of_any
    FROM payments_payout
    WHERE destination <> ''
    WINDOW same_type AS (PARTITION BY livemode, currency, type ORDER BY created, id),
        any_type AS (PARTITION BY livemode, currency ORDER BY created, id)
)
SELECT id, created, amount, currency, destination, method,
    coalesce(id_before, id_before_of_any) AS payout_before,
    coalesce(before, before_of_any) AS destination_before
FROM sent
WHERE destination <> coalesce(before, before_of_any) AND created > %(since)s
ORDER BY created, id
"""


@check(
    name="payout_destination_changed",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="A payout went to another bank account or card than the one before it in that "
    "currency. If nobody here changed it, somebody is taking your money.",
    remedy="Ask who changed the account in Stripe’s dashboard. If somebody of yours did, accept "
    "this with their name as the reason. If not, cancel the payout in the dashboard, change the "
    "account back, and secure the Stripe account. It is no longer told 30 days later.",
    remedies=("read_again",),
)
def payout_destination_changed(now: datetime) -> Iterator[Finding]:
    for row in rows(DESTINATIONS, {"since": now - CHANGED_WITHIN}):
        currency = row["currency"]
        yield Finding(
            subject_type=label(Payout),
            subject_id=row["id"],
            summary=f"{format_money(row['amount'], currency)} went to {row['destination']}; "
            f"payouts went to {row['destination_before']} before",
            evidence={
                "paid out": amount(row["amount"], currency),
                "destination": row["destination"],
                "destination before": row["destination_before"],
                "payout before": reference(Payout, row["payout_before"]),
                "method": row["method"],
                "made": moment(row["created"]),
            },
            amount_minor=row["amount"],
            currency=currency,
        )
