"""Which days' figures a change touches: written down by whoever changes something.

The log is only appended to, so that writers never wait for one another or for the refresh. A day
too many costs a recount; a day too few would leave a wrong figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Q
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

    At most four statements, whatever the batch's size.
    """
    moments: set[datetime | None] = set()
    charges: set[str] = set()
    refunds: set[str] = set()
    transactions: set[str] = set()
    replaced: set[str] = set()

    for charge_id, charge in changes.of(Charge).items():
        if _charge_facts(charge.before) != _charge_facts(charge.after):
            charges.add(charge_id)  # whether its refunds count depends on it
            moments.update(c.captured_at for c in (charge.before, charge.after) if c)
        if _attempt(charge.before) != _attempt(charge.after):
            moments.update(c.created for c in (charge.before, charge.after) if c)
    for refund_id, refund in changes.of(Refund).items():
        if _refund_facts(refund.before) != _refund_facts(refund.after):
            refunds.add(refund_id)
            if refund.before:
                moments.update((refund.before.succeeded_at, refund.before.failed_at))
                replaced.update(_transactions_of(refund.before) - _transactions_of(refund.after))
    for transaction_id, transaction in changes.of(BalanceTransaction).items():
        if transaction.before is None or transaction.before.created != transaction.after.created:
            transactions.add(transaction_id)
        if _settled(transaction.before) != _settled(transaction.after):
            moments.update(t.created for t in (transaction.before, transaction.after) if t)

    disputed = {
        one.charge_id
        for dispute in changes.of(Dispute).values()
        if _disputed(dispute.before) != _disputed(dispute.after)
        for one in (dispute.before, dispute.after)
        if one and one.charge_id
    }
    if disputed:
        moments.update(Charge.objects.filter(id__in=disputed).values_list("captured_at", flat=True))
    moments |= _moments_of_refunds(refunds, charges, transactions)
    if replaced:
        moments.update(
            BalanceTransaction.objects.filter(id__in=replaced).values_list("created", flat=True)
        )
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
        mark_days(moments | _first_purchases(others, besides=[]))


def _first_purchases(customers: Collection[int], *, besides: Sequence[int]) -> set[datetime | None]:
    """When each of these customers, and those who are the same person, first bought, apart from the
    orders ``besides``: whether that was a new customer's purchase may have changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT min(bought.paid_at)
            FROM orders_customer AS given
            JOIN orders_customer AS same ON same.id = coalesce(given.same_as_id, given.id)
                OR same.same_as_id = coalesce(given.same_as_id, given.id)
            JOIN orders_order AS bought ON bought.customer_id = same.id
            WHERE given.id = ANY (%s) AND bought.paid_at IS NOT NULL AND bought.id <> ALL (%s)
            GROUP BY given.id
            """,
            [list(customers), list(besides)],
        )
        return {moment for (moment,) in cursor.fetchall()}


def _moments_of_refunds(
    refunds: set[str], charges: set[str], transactions: set[str]
) -> set[datetime | None]:
    """Every time at which one of these refunds may count or come back."""
    conditions = [
        Q(**{f"{name}__in": sorted(ids)})
        for name, ids in (
            ("id", refunds),
            ("charge", charges),
            ("balance_transaction", transactions),
            ("failure_balance_transaction", transactions),
        )
        if ids
    ]
    if not conditions:
        return set()
    anyone = conditions[0]
    for condition in conditions[1:]:
        anyone |= condition
    rows = Refund.objects.filter(anyone).values_list(
        "succeeded_at",
        "failed_at",
        "balance_transaction__created",
        "failure_balance_transaction__created",
    )
    return {moment for row in rows for moment in row}


def _transactions_of(refund: Refund) -> set[str]:
    return {
        id_
        for id_ in (refund.balance_transaction_id, refund.failure_balance_transaction_id)
        if id_ is not None
    }


def _charge_facts(charge: Charge | None) -> tuple[object, ...] | None:
    """What of a charge the figures depend on; None while nothing is captured."""
    if charge is None or charge.captured_at is None:
        return None
    return charge.captured_at, charge.amount_captured, charge.amount, charge.currency


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
    )


def _disputed(dispute: Dispute | None) -> tuple[object, ...] | None:
    if dispute is None:
        return None
    return dispute.charge_id, dispute.status in Dispute.MOVES_NO_MONEY


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
