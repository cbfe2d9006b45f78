"""Payments move orders: called once for each batch of Stripe's observations, in its transaction.

What comes of it is a function of the mirror as it stands, never of the order in which we heard: a
payment before its order, a session after its intent and a refund before its charge end in the same
place. The one thing that can't be undone is a canceled order: a second payment of which we hear
only after the first was refunded in full finds the order canceled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from orders.services.causes import Causes, FromBatch
from orders.services.linking import link_payments
from orders.services.locking import lock_payments
from orders.services.payment_facts import ORDER_KEY, read_payments
from orders.services.settling import settle_orders
from payments.categories import OF_REFUNDS
from payments.changes import Changes
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    PaymentIntent,
    Product,
    Refund,
)


@dataclass
class Touched:
    """What a batch may have moved: payments by key, sessions that have no intent, refunds by id
    with the event that told of them, and Stripe's customers and products as they are now.

    ``charges`` are the ids by which charges and refunds find one another across two batches.
    """

    payments: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    charges: set[str] = field(default_factory=set)
    refunds: dict[str, int] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.payments or self.sessions or self.refunds or self.customers or self.products
        )

    @property
    def locks(self) -> set[str]:
        """Everything that another batch could be changing beside us, unseen."""
        return self.payments | self.sessions | self.charges | self.refunds.keys()


def settle(changes: Changes) -> None:
    """Bring orders up to what a batch changed in the mirror.

    A bounded number of statements, whatever the size of the batch.
    """
    causes = FromBatch()
    touched = touched_by(changes, causes)
    if touched:
        lock_payments(touched.locks.union(payments_of_refunds(touched.refunds).values()))
        # Again: the charge of a refund may have come in a batch that we waited for.
        for refund_id, payment in payments_of_refunds(touched.refunds).items():
            touched.payments.add(payment)
            causes.add(refund_id, touched.refunds[refund_id], [payment])
        settle_touched(touched, causes)


def settle_touched(touched: Touched, causes: Causes, ripe: Collection[str] = ()) -> int:
    """Link the payments to orders, make those that are missing, and settle all orders concerned.

    Payments in ``ripe`` have waited for a session long enough. Returns how many orders were made.
    """
    lock_payments(touched.locks)
    payments = read_payments(touched.payments, touched.sessions)
    linked = link_payments(payments, customers_changed=touched.customers, ripe=ripe)
    settle_orders(linked, payments, causes, products_changed=touched.products)
    return len(linked.new)


def touched_by(changes: Changes, causes: FromBatch) -> Touched:
    """What the changes may move, by the changes alone."""
    touched = Touched(
        customers={key: change.after for key, change in changes.of(Customer).items()},
        products={key: change.after for key, change in changes.of(Product).items()},
    )

    def note(object_id: str, event_id: int, *payments: str | None) -> None:
        keys = [key for key in payments if key]
        touched.payments.update(keys)
        causes.add(object_id, event_id, keys)

    for key, intent in changes.of(PaymentIntent).items():
        if intent_facts(intent.before) != intent_facts(intent.after):
            note(key, intent.event_id, key)
    for key, charge in changes.of(Charge).items():
        if charge_facts(charge.before) != charge_facts(charge.after):
            sides = [side for side in (charge.before, charge.after) if side]
            note(key, charge.event_id, *(side.payment_intent_id or side.pk for side in sides))
            touched.charges.add(key)
    for key, session in changes.of(CheckoutSession).items():
        note(key, session.event_id, session.after.payment_intent_id)
        if not session.after.payment_intent_id:
            touched.sessions.add(key)
            causes.add(key, session.event_id, [key])
    for transaction in changes.of(BalanceTransaction).values():
        # A refund counts on its transaction's date, and not where that only released money.
        if transaction.after.reporting_category in OF_REFUNDS:
            touched.refunds[transaction.after.source] = transaction.event_id
    for key, refund in changes.of(Refund).items():
        touched.refunds[key] = refund.event_id
        note(key, refund.event_id, refund.after.payment_intent_id)
        if refund.after.charge_id:
            touched.charges.add(refund.after.charge_id)
    return touched


def payments_of_refunds(refund_ids: Collection[str]) -> dict[str, str]:
    """The payments that the refunds are of, as far as their charges are known."""
    if not refund_ids:
        return {}
    rows = Refund.objects.filter(pk__in=refund_ids, charge__payment__isnull=False).order_by()
    return dict(rows.values_list("pk", "charge__payment"))


def order_named(metadata: Mapping[str, Any]) -> object:
    return metadata.get(ORDER_KEY)


def intent_facts(intent: PaymentIntent | None) -> tuple[object, ...] | None:
    """All of an intent that an order depends on."""
    if intent is None:
        return None
    return (
        order_named(intent.metadata),
        intent.amount,
        intent.amount_received,
        intent.currency,
        intent.created,
        intent.succeeded_at,
        intent.customer_id,
        intent.invoice_id,
        intent.receipt_email,
    )


def charge_facts(charge: Charge | None) -> tuple[object, ...] | None:
    """All of a charge that an order depends on."""
    if charge is None:
        return None
    return (
        order_named(charge.metadata),
        charge.amount,
        charge.amount_captured,
        charge.currency,
        charge.created,
        charge.captured_at,
        charge.customer_id,
        charge.payment_intent_id,
        charge.invoice_id,
        charge.email,
    )
