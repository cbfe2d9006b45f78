"""The settlement ledger: what Stripe's balance transactions say, in the currency Stripe pays in.

Every movement stands on its own date: a dispute's withdrawal on the day it was withdrawn, its
reversal on the day it came back, a refund that failed on the day it failed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from payments.categories import FEE
from payments.models import (
    BalanceTransaction,
    Charge,
    CountedRefund,
    Dispute,
    MirrorObject,
    PaymentIntent,
    Refund,
)

LEDGER = """
SELECT asked.day, row.currency, row.reporting_category, count(*),
    sum(row.amount)::bigint, sum(row.fee)::bigint, sum(row.net)::bigint
FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS asked (day, starts, ends)
JOIN payments_balancetransaction AS row
    ON row.created >= asked.starts AND row.created < asked.ends
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class LedgerRow:
    """The balance transactions of one day, settlement currency and category of Stripe's.

    ``net`` is ``amount`` less ``fee``, in minor units; each can be negative. A transaction of
    category ``fee`` is a fee too: its amount is what it cost, negative.
    """

    day: date
    currency: str
    reporting_category: str
    transactions: int
    amount: int
    fee: int
    net: int


def ledger(days: Sequence[tuple[date, datetime, datetime]]) -> list[LedgerRow]:
    """The settlement ledger of the days, each given with its first instant and the next day's.

    Ordered by day, currency and category; a day without a movement has no row. One statement. A
    transaction stands on the day that Stripe made it, so a dispute's withdrawal and its reversal
    each on their own, and a day that has ended gets nothing new but what we hear of late.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            LEDGER,
            {
                "days": [day for day, _, _ in days],
                "starts": [start for _, start, _ in days],
                "ends": [end for _, _, end in days],
            },
        )
        return [LedgerRow(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Movement:
    """A balance transaction and whose it is: the object it is for and the charge behind that."""

    transaction: BalanceTransaction
    source: MirrorObject
    charge_id: str


@dataclass(frozen=True)
class Total:
    """Sums in one settlement currency, in its minor units: ``net`` is ``gross`` less ``fees``."""

    currency: str
    gross: int
    fees: int
    net: int


@dataclass(frozen=True)
class Settlement:
    """What reached the balance for some payments, the first movement first.

    ``missing`` are the Stripe ids of what must have moved money by a transaction that we don't
    have: the transaction's id where it is known, else that of the object it is for.
    """

    movements: tuple[Movement, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[Total, ...]:
        """Sums of what we have, by settlement currency; the truth only if nothing is missing."""
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for movement in self.movements:
            row = movement.transaction
            # A fee in its own right; transactions of the other categories may carry one.
            is_fee = row.reporting_category == FEE
            total = sums[row.currency]
            total[0] += 0 if is_fee else row.amount
            total[1] += row.fee - (row.amount if is_fee else 0)
            total[2] += row.net
        return tuple(Total(currency, *values) for currency, values in sorted(sums.items()))

    @property
    def totals(self) -> tuple[Total, ...] | None:
        """Sums by settlement currency, or None: unknown, because a transaction is missing."""
        return None if self.missing else self.known

    def of_charge(self, charge_id: str) -> Settlement:
        """The part that is a charge's own: it, its refunds, its disputes.

        What is missing stays missing: it may be this charge's.
        """
        return Settlement(
            tuple(movement for movement in self.movements if movement.charge_id == charge_id),
            self.missing,
        )


def together(settlements: Iterable[Settlement]) -> Settlement:
    """The settlement of several payments as one, such as all of an order's."""
    parts = list(settlements)
    movements = (movement for part in parts for movement in part.movements)
    return Settlement(
        tuple(sorted(movements, key=when)),
        tuple(dict.fromkeys(key for part in parts for key in part.missing)),
    )


def when(movement: Movement) -> tuple[object, str]:
    row = movement.transaction
    return row.created or row.available_on, row.pk


@dataclass(frozen=True)
class Owner:
    """A charge, refund or dispute, the transactions that it names, and how many it must have."""

    row: MirrorObject
    payment: str
    charge_id: str
    named: frozenset[str]
    needed: int


def settlement_of(payments: Collection[str]) -> dict[str, Settlement]:
    """Fees and net of payments by their keys (``Charge.payment``): charges, refunds and disputes.

    Amounts are in the currency of settlement, which may not be the one the customer paid in. A
    payment of which anything is missing says so instead of counting it as 0. Six statements at
    the most, however many payments.
    """
    owners = list(owners_of(payments))
    settled = settle(owners)
    unknown = unknown_payments(payments, owners)
    result = {}
    for key in payments:
        found = settled.get(key, Settlement())
        missing = (key, *found.missing) if key in unknown else found.missing
        result[key] = Settlement(found.movements, missing)
    return result


def settlement_of_dispute(dispute: Dispute) -> Settlement:
    """What moved for one dispute: withdrawals, reversals, fees; one statement."""
    return settle([owner_of(dispute, dispute.pk)])[dispute.pk]


def settle(owners: Sequence[Owner]) -> dict[str, Settlement]:
    """The settlements of the owners by their ``payment``; one statement."""
    ids = {owner.row.pk for owner in owners}
    named = {key for owner in owners for key in owner.named}
    found = BalanceTransaction.objects.filter(Q(pk__in=named) | Q(source__in=ids)).order_by()
    rows = {row.pk: row for row in found}
    by_source: dict[str, set[str]] = defaultdict(set)
    for row in rows.values():
        by_source[row.source].add(row.pk)
    movements: dict[str, list[Movement]] = {owner.payment: [] for owner in owners}
    missing: dict[str, list[str]] = {owner.payment: [] for owner in owners}
    for owner in owners:
        theirs = owner.named | by_source[owner.row.pk]
        movements[owner.payment] += [
            Movement(rows[key], owner.row, owner.charge_id) for key in theirs if key in rows
        ]
        missing[owner.payment] += sorted(theirs - rows.keys())
        if len(theirs) < owner.needed:
            missing[owner.payment].append(owner.row.pk)
    return {
        key: Settlement(tuple(sorted(movements[key], key=when)), tuple(missing[key]))
        for key in movements
    }


def owners_of(payments: Collection[str]) -> Iterator[Owner]:
    """The charges of the payments, their refunds and their disputes; four statements."""
    charges = {row.pk: row for row in Charge.objects.filter(payment__in=payments).order_by()}
    refunds = list(Refund.objects.filter(charge__in=charges.keys()).order_by())
    # What a released authorisation "refunded" moved no money.
    untold = [row.pk for row in refunds if not row.balance_transaction_id]
    counted = set(CountedRefund.objects.filter(pk__in=untold).values_list("pk", flat=True))
    for charge in charges.values():
        captured = charge.captured_at is not None and charge.amount_captured > 0
        back = charge.status == "failed"
        yield Owner(charge, charge.payment, charge.pk, named_by(charge), captured * (1 + back))
    for refund in refunds:
        key = str(refund.charge_id)
        left = refund.balance_transaction_id is not None or refund.pk in counted
        back = refund.status in Refund.UNDONE
        yield Owner(refund, charges[key].payment, key, named_by(refund), left * (1 + back))
    for dispute in Dispute.objects.filter(charge__in=charges.keys()).order_by():
        yield owner_of(dispute, charges[str(dispute.charge_id)].payment)


def owner_of(dispute: Dispute, payment: str) -> Owner:
    """A dispute that isn't a mere inquiry withdrew money; one that was won brought it back."""
    moves = dispute.status not in Dispute.MOVES_NO_MONEY
    needed = moves * (1 + (dispute.status == "won"))
    named = frozenset(dispute.balance_transactions)
    return Owner(dispute, payment, dispute.charge_id or "", named, needed)


def named_by(row: Charge | Refund) -> frozenset[str]:
    """The transactions that the row names: of its success and of its failure."""
    named = (row.balance_transaction_id, row.failure_balance_transaction_id)
    return frozenset(key for key in named if key)


def unknown_payments(payments: Collection[str], owners: Iterable[Owner]) -> set[str]:
    """Payments whose money has no charge here: it, or all of the payment, hasn't arrived."""
    lacking = set(payments) - {owner.payment for owner in owners if owner.needed}
    if not lacking:
        return set()
    charged = {owner.payment for owner in owners}
    intents = dict(
        PaymentIntent.objects.filter(pk__in=lacking).order_by().values_list("pk", "status")
    )
    return {
        key
        for key in lacking
        if intents.get(key) == "succeeded" or (key not in intents and key not in charged)
    }
