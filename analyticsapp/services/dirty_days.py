"""Which days' figures a change touches: written down by whoever changes something.

The log is only appended to, so that writers never wait for one another or for the refresh. A day
too many costs a recount; a day too few would leave a wrong figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import DirtyDay
from orders.changes import OrderChange, Recognition
from orders.models import Order
from payments.changes import Changes
from payments.models import BalanceTransaction, Charge, Dispute, Refund


def mark_days(moments: Iterable[datetime | None]) -> int:
    """Mark the days of ``moments`` dirty with one statement; return how many days that are."""
    days = sorted({day_of(moment) for moment in moments if moment})
    now = timezone.now()
    DirtyDay.objects.bulk_create([DirtyDay(day=day, created_at=now) for day in days])
    return len(days)


def payments_changed(changes: Changes) -> None:
    """Mark the days that a batch of Stripe's observations touches.

    At most two statements, whatever the batch's size.
    """
    moments: set[datetime | None] = set()
    touched = Touched()
    for charge_id, charge in changes.of(Charge).items():
        if _charge_facts(charge.before) != _charge_facts(charge.after):
            touched.charges.add(charge_id)
            for state in filter(None, (charge.before, charge.after)):
                moments.add(state.captured_at)
                touched.transactions.update(_named(state.balance_transaction_id))
        if _attempt(charge.before) != _attempt(charge.after):
            moments.update(c.created for c in (charge.before, charge.after) if c)
    for refund_id, refund in changes.of(Refund).items():
        if _refund_facts(refund.before) != _refund_facts(refund.after):
            touched.refunds.add(refund_id)
            for row in filter(None, (refund.before, refund.after)):
                moments.update((row.succeeded_at, row.failed_at))
                touched.charges.update(_named(row.charge_id))
                touched.transactions.update(
                    _named(row.balance_transaction_id, row.failure_balance_transaction_id)
                )
    for transaction_id, moved in changes.of(BalanceTransaction).items():
        if _settled(moved.before) != _settled(moved.after):
            touched.transactions.add(transaction_id)
            for movement in filter(None, (moved.before, moved.after)):
                moments.add(movement.created)
                touched.sources.update(_named(movement.source))
    for dispute_id, dispute in changes.of(Dispute).items():
        if _dispute_facts(dispute.before) != _dispute_facts(dispute.after):
            touched.disputes.add(dispute_id)
            for side in filter(None, (dispute.before, dispute.after)):
                moments.add(side.created)
                touched.disputed.update(_named(side.charge_id))
    moments |= touched.moments()
    if moments - {None}:
        mark_days(moments)


def orders_changed(changes: Sequence[OrderChange]) -> None:
    """Mark the days on which the changed orders were paid or fulfilled."""
    moments = {
        moment
        for change in changes
        if _order_facts(change.before) != _order_facts(change.after)
        for order in (change.before, change.after)
        if order
        for moment in (order.paid_at, order.fulfilled_at)
    }
    buying = {
        order.customer_id
        for change in changes
        if _bought(change.before) != _bought(change.after)
        for order in (change.before, change.after)
        if order and order.customer_id
    }
    if buying:
        moments |= _first_purchases(buying, besides=[change.after.pk for change in changes])
    if moments - {None}:
        mark_days(moments)


def guests_recognized(recognitions: Sequence[Recognition]) -> None:
    """Mark the days on which these guests bought, and those on which the customers that they are,
    or were taken for, first did."""
    guests = [one.guest for one in recognitions]
    paid = Order.objects.filter(customer__in=guests, paid_at__isnull=False)
    moments: set[datetime | None] = set(paid.values_list("paid_at", flat=True).distinct())
    if moments:
        others = {who for one in recognitions for who in (one.before, one.after) if who}
        mark_days(moments | _first_purchases(others, besides_of=guests))


def _first_purchases(
    customers: Collection[int], *, besides: Sequence[int] = (), besides_of: Sequence[int] = ()
) -> set[datetime | None]:
    """When each of these customers, and those who are the same person, first bought, apart from the
    orders ``besides`` and those of the customers ``besides_of``: whether that was a new customer's
    purchase may have changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT min(bought.paid_at)
            FROM orders_customer AS given
            JOIN orders_customer AS same ON same.id = coalesce(given.same_as_id, given.id)
                OR same.same_as_id = coalesce(given.same_as_id, given.id)
            JOIN orders_order AS bought ON bought.customer_id = same.id
            WHERE given.id = ANY (%s) AND bought.paid_at IS NOT NULL AND bought.id <> ALL (%s)
                AND bought.customer_id <> ALL (%s)
            GROUP BY given.id
            """,
            [list(customers), list(besides), list(besides_of)],
        )
        return {moment for (moment,) in cursor.fetchall()}


# Charges, refunds and transactions that have to do with one another: where one changes, it may be
# another that counts, on another day, or that a transaction is of.
RELATED = """
WITH moved AS (
    SELECT id, source, created FROM payments_balancetransaction WHERE id = ANY (%(transactions)s)
),
sources AS (
    SELECT source FROM moved WHERE source <> '' UNION SELECT unnest(%(sources)s::text[])
),
refund AS (
    SELECT * FROM payments_refund WHERE id IN (
        SELECT unnest(%(refunds)s::text[])
        UNION SELECT id FROM payments_refund WHERE charge_id = ANY (%(charges)s)
        UNION SELECT id FROM payments_refund WHERE balance_transaction_id = ANY (%(transactions)s)
        UNION SELECT id FROM payments_refund
            WHERE failure_balance_transaction_id = ANY (%(transactions)s)
        UNION SELECT source FROM sources
    )
),
charge AS (
    SELECT * FROM payments_charge WHERE id IN (
        SELECT unnest(%(charges)s::text[])
        UNION SELECT id FROM payments_charge WHERE balance_transaction_id = ANY (%(transactions)s)
        UNION SELECT charge_id FROM refund
        UNION SELECT source FROM sources
    )
),
named AS (
    SELECT balance_transaction_id AS id FROM charge
    UNION SELECT balance_transaction_id FROM refund
    UNION SELECT failure_balance_transaction_id FROM refund
),
owner AS (
    SELECT id FROM charge UNION SELECT id FROM refund
    UNION SELECT unnest(%(disputes)s::text[])
)
SELECT captured_at FROM charge
UNION SELECT captured_at FROM payments_charge WHERE id = ANY (%(disputed)s)
UNION SELECT succeeded_at FROM refund
UNION SELECT failed_at FROM refund
UNION SELECT created FROM moved
UNION SELECT row.created FROM payments_balancetransaction AS row JOIN named ON named.id = row.id
UNION SELECT row.created FROM payments_balancetransaction AS row
    JOIN owner ON owner.id = row.source
"""


@dataclass
class Touched:
    """The ids of what changed and of what a changed row named before."""

    charges: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    transactions: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    disputes: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)

    def moments(self) -> set[datetime | None]:
        """Every time at which one of them, or what has to do with it, may count; one statement."""
        ids = {name: sorted(values) for name, values in vars(self).items()}
        if not any(ids.values()):
            return set()
        with connection.cursor() as cursor:
            cursor.execute(RELATED, ids)
            return {moment for (moment,) in cursor.fetchall()}


def _named(*ids: str | None) -> set[str]:
    return {one for one in ids if one}


def _charge_facts(charge: Charge | None) -> tuple[object, ...] | None:
    """What of a charge the figures depend on; None while nothing is captured."""
    if charge is None or charge.captured_at is None:
        return None
    return (
        charge.captured_at,
        charge.amount_captured,
        charge.amount,
        charge.currency,
        charge.balance_transaction_id,
    )


def _refund_facts(refund: Refund | None) -> tuple[object, ...] | None:
    """What of a refund the figures depend on; None while it hasn't succeeded."""
    if refund is None or refund.succeeded_at is None:
        return None
    return (
        refund.succeeded_at,
        refund.failed_at,
        refund.amount,
        refund.currency,
        refund.charge_id,
        refund.balance_transaction_id,
        refund.failure_balance_transaction_id,
    )


def _attempt(charge: Charge | None) -> tuple[object, ...] | None:
    """What of a charge as an attempt to be paid the figures depend on."""
    if charge is None:
        return None
    failed = charge.status == "failed" and charge.captured_at is None
    return charge.created, charge.currency, failed


def _settled(moved: BalanceTransaction | None) -> tuple[object, ...] | None:
    if moved is None:
        return None
    return (
        moved.created,
        moved.currency,
        moved.reporting_category,
        moved.type,
        moved.amount,
        moved.fee,
        moved.fee_details,
        moved.source,
    )


def _dispute_facts(dispute: Dispute | None) -> tuple[object, ...] | None:
    if dispute is None:
        return None
    return dispute.created, dispute.charge_id, dispute.status, dispute.amount, dispute.currency


def _bought(order: Order | None) -> tuple[object, ...] | None:
    """What of an order its customer's first purchase depends on."""
    return None if order is None or order.paid_at is None else (order.customer_id, order.paid_at)


def _order_facts(order: Order | None) -> tuple[object, ...] | None:
    if order is None or order.paid_at is None:
        return None
    return (
        order.paid_at,
        order.fulfilled_at,
        order.customer_id,
        order.currency,
        order.captured_minor,
        order.refunded_minor > 0,
        order.discount_minor,
        order.tax_minor,
        order.shipping_minor,
        order.stock_settled,  # its lines have become known
    )
