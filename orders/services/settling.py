"""Brings locked orders to what their payments say: amounts, status, lines, stock."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from auditlog.services import Entry, record_all
from orders.changes import OrderChange, announce
from orders.models import Order, OrderPayment
from orders.services.causes import Causes, Wanted
from orders.services.from_stripe import describe, required_minor
from orders.services.lifecycle import Capture, Course, Refunded, course
from orders.services.linking import Linked
from orders.services.locking import lock_orders
from orders.services.payment_facts import Payment, is_paid
from orders.services.returning import lines_to_restock
from orders.services.serving import serve
from orders.services.storing import order_values, save_orders
from orders.services.transitions import Move, move_all
from orders.states import OrderStatus
from payments.models import Charge, CheckoutSession, Product
from payments.selectors import refunds_of_captured


@dataclass
class Money:
    """All that moved for each order, in the order's currency."""

    payments: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    captures: dict[int, list[Capture]] = field(default_factory=lambda: defaultdict(list))
    refunds: dict[int, list[Refunded]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Step:
    """A move to be made: when it happened, and the Stripe object that did it."""

    order: Order
    to: OrderStatus
    at: datetime
    by: str


def settle_orders(
    linked: Linked,
    payments: Mapping[str, Payment],
    causes: Causes,
    *,
    products_changed: Mapping[str, Product],
) -> None:
    """Settle the linked orders and tell the handlers what changed; a bounded number of statements.

    ``payments`` are the ones that were read; an order's others are looked up.
    """
    orders = lock_orders(set(linked.orders.values()))
    before = {key: copy.copy(order) for key, order in orders.items()}
    own = {linked.orders[key]: payments[key] for key in linked.own}
    for order_id, maker in own.items():
        describe(orders[order_id], maker, linked.customers)
    for key, order_id in linked.orders.items():
        if payments[key].needs_no_money and orders[order_id].checkout_session_id is None:
            orders[order_id].checkout_session_id = key
    money = read_money(orders, payments)
    steps: list[Step] = []
    for pk, order in orders.items():
        required = required_minor(order, own.get(pk))
        happened = course(required, money.captures[pk], money.refunds[pk])
        steps += apply(order, happened, free_session(order, payments))
    settle_stock(orders, steps, own, products_changed, money)
    write(orders, before, steps, money, causes, linked.new)


def settle_stock(
    orders: Mapping[int, Order],
    steps: Sequence[Step],
    own: Mapping[int, Payment],
    products_changed: Mapping[str, Product],
    money: Money,
) -> None:
    """Stock follows the status that the orders are going to have, and what came back."""
    status = {key: order.status for key, order in orders.items()}
    status |= {step.order.pk: step.to for step in steps}
    paid_at = {key: order.paid_at for key, order in orders.items()}
    paid_at |= {step.order.pk: step.at for step in steps if step.to == OrderStatus.PAID}
    takes = [
        order
        for key, order in orders.items()
        if status[key] in (OrderStatus.PAID, OrderStatus.FULFILLED) and not order.stock_settled
    ]
    canceled = {step.order.pk for step in steps if step.to == OrderStatus.CANCELED}
    sessions = {
        key: maker.session
        for key, maker in own.items()
        if maker.session and maker.session.line_items
    }
    refunded = lines_to_restock(
        [refund.refund_id for refunds in money.refunds.values() for refund in refunds]
    )
    serve(
        sorted(takes, key=lambda order: (paid_at[order.pk] or order.placed_at, order.pk)),
        [orders[key] for key in sorted(canceled)],
        sessions,
        products_changed,
        refunded,
        {row.line.order_id: orders[row.line.order_id] for row in refunded},
    )


def read_money(orders: Mapping[int, Order], payments: Mapping[str, Payment]) -> Money:
    """What was captured and refunded for the orders; three statements.

    Read under the orders' locks: what another batch committed while we waited is seen. A charge in
    another currency than its order's is left out; a check shows it.
    """
    money = Money()
    if not orders:
        return money
    rows = OrderPayment.objects.filter(order__in=list(orders)).order_by("payment")
    order_of = dict(rows.values_list("payment", "order_id"))
    for key, order_id in order_of.items():
        money.payments[order_id].append(key)
    charges = [charge for key in order_of if key in payments for charge in payments[key].charges]
    others = [key for key in order_of if key not in payments]
    if others:
        charges += Charge.objects.filter(payment__in=others).order_by()
    for charge in charges:
        order = orders[order_of[charge.payment]]
        if charge.captured_at and charge.currency == order.currency:
            money.captures[order.pk].append(
                Capture(charge.pk, charge.amount_captured, charge.captured_at)
            )
    for refund in refunds_of_captured().filter(payment__in=list(order_of)).order_by():
        order = orders[order_of[refund.payment]]
        if refund.currency == order.currency:
            money.refunds[order.pk].append(
                Refunded(refund.id, refund.amount, refund.counted_at, refund.returned_at)
            )
    return money


def free_session(order: Order, payments: Mapping[str, Payment]) -> CheckoutSession | None:
    """The completed session by which the order cost nothing."""
    payment = payments.get(order.checkout_session_id or "")
    session = payment.session if payment else None
    return session if session and is_paid(session) else None


def apply(order: Order, happened: Course, free: CheckoutSession | None) -> list[Step]:
    """Set the amounts, and the times of moves made already; return the moves to make.

    Stripe may say that more was refunded than captured (a stand-in does): the order then shows all
    of it refunded, and a check the difference.
    """
    order.captured_minor = happened.captured
    order.refunded_minor = min(max(happened.refunded, 0), happened.captured)
    paid_at, paid_by = happened.paid_at, happened.paid_by
    if paid_at is None and free and order.total_minor == 0:
        paid_at, paid_by = free.paid_at or free.created or free.as_of, free.pk
    status, steps = order.status, []
    if status == OrderStatus.PENDING and paid_at:
        status = OrderStatus.PAID
        steps.append(Step(order, status, paid_at, paid_by))
    elif order.paid_at and paid_at:
        order.paid_at = paid_at  # what came later told the time better
    if happened.canceled_at and status == OrderStatus.PAID:
        steps.append(Step(order, OrderStatus.CANCELED, happened.canceled_at, happened.canceled_by))
    elif happened.canceled_at and status == OrderStatus.CANCELED and order.paid_at:
        order.canceled_at = happened.canceled_at
    return steps


def write(
    orders: Mapping[int, Order],
    before: Mapping[int, Order],
    steps: Sequence[Step],
    money: Money,
    causes: Causes,
    new: Collection[int],
) -> None:
    """Write what changed, with transitions and audit rows, and tell the handlers."""
    events = causes.find(
        Wanted(step.by, [*money.payments[step.order.pk], step.order.checkout_session_id or ""])
        for step in steps
    )
    moving = {step.order.pk for step in steps}
    staying = {
        key: order
        for key, order in orders.items()
        if key not in moving and order_values(order) != order_values(before[key])
    }
    save_orders(list(staying.values()))
    move_all(
        [
            Move(
                step.order,
                step.to,
                at=step.at,
                event_id=events.get(step.by),
                reason=causes.reason or ("" if step.by in events else f"because of {step.by}"),
            )
            for step in steps
        ]
    )
    record_all(
        Entry("order.amounts", order, before=amounts(before[key]), after=amounts(order))
        for key, order in staying.items()
        if amounts(order) != amounts(before[key])
    )
    announce(
        [
            OrderChange(None if key in new else before[key], order)
            for key, order in orders.items()
            if key in moving or key in staying or key in new
        ]
    )


def amounts(order: Order) -> dict[str, object]:
    """The amounts that payments move, for the audit log."""
    return {
        "captured_minor": order.captured_minor,
        "refunded_minor": order.refunded_minor,
        "currency": order.currency,
    }
