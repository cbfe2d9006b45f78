"""Which order a payment belongs to, and whether one is to be made of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from auditlog.services import Entry, record_all
from orders.models import Customer, Order, OrderPayment, WaitingPayment
from orders.services.customers import Buyer, settle_customers
from orders.services.from_stripe import insert_orders, wanted_customer
from orders.services.locking import lock_numbers
from orders.services.payment_facts import LONGEST_NUMBER, Payment, invoiced, is_bare_charge
from payments import reads
from payments.models import Customer as StripeCustomer

# How long a payment that names no order waits for its intent and its Checkout session.
PATIENCE = timedelta(minutes=5)
# What it waits for usually comes as an event of its own, and needn't be asked for then.
ASK_AFTER = timedelta(seconds=30)
# The reads that can tell (payments.reading).
INTENT = "payment_intent"
ORIGIN = reads.ORIGIN


@dataclass
class Linked:
    """Orders by the key of the payment that belongs to them, or of the session that needed none.
    ``own`` are the keys of payments that an order was made from, ``new`` orders made just now."""

    orders: dict[str, int] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    new: set[int] = field(default_factory=set)
    customers: Mapping[Buyer, Customer] = field(default_factory=dict)


@dataclass
class Todo:
    """The payments without an order by what is to become of them."""

    named: dict[str, int] = field(default_factory=dict)
    making: list[Payment] = field(default_factory=list)
    waiting: list[Payment] = field(default_factory=list)


def link_payments(
    payments: Mapping[str, Payment],
    *,
    customers_changed: Mapping[str, StripeCustomer],
    ripe: Collection[str] = (),
) -> Linked:
    """Link each payment to the order that it names; make orders, where orders come from Stripe.

    A bounded number of statements. The caller holds the payments.
    """
    linked = existing_links(payments)
    unlinked = [payment for key, payment in payments.items() if key not in linked.orders]
    todo = sort_out(unlinked, ripe)
    linked.customers = settle_customers(
        [wanted_customer(one) for one in (*todo.making, *(payments[key] for key in linked.own))],
        customers_changed,
    )
    made = insert_orders(todo.making, linked.customers)
    linked.own |= made.keys()
    linked.new = set(made.values())
    linked.orders |= store_links({**todo.named, **made}, payments)
    record_all(
        Entry("order.created", Order(pk=pk), after={"number": number, "source": "stripe"})
        for number, pk in made.items()
    )
    if unlinked:
        await_sessions(todo.waiting, unlinked)
    return linked


def existing_links(payments: Mapping[str, Payment]) -> Linked:
    """The links that are there already; at most two statements."""
    linked = Linked()
    if not payments:
        return linked
    rows = OrderPayment.objects.filter(payment__in=list(payments)).order_by()
    found = list(rows.values_list("payment", "order_id", "order__number", "order__source"))
    sessions = [key for key, payment in payments.items() if payment.needs_no_money]
    if sessions:
        orders = Order.objects.filter(checkout_session__in=sessions).order_by()
        found += orders.values_list("checkout_session", "pk", "number", "source")
    for key, order_id, number, source in found:
        linked.orders[key] = order_id
        if source == Order.Source.STRIPE and number == key:
            linked.own.add(key)
    return linked


def from_stripe() -> bool:
    """Whether orders are made from payments that name none."""
    return bool(settings.ORDERS_FROM_STRIPE == "auto")


def sort_out(unlinked: Collection[Payment], ripe: Collection[str]) -> Todo:
    """What becomes of the payments that belong to no order yet; at most five statements."""
    result = Todo()
    unlinked = [payment for payment in unlinked if payment.can_be_linked]
    numbers = orders_by_number({payment.names or payment.refers_to for payment in unlinked} - {""})
    others: list[Payment] = []
    for payment in unlinked:
        order_id = numbers.get(payment.names or payment.refers_to)
        if order_id is not None:
            result.named[payment.key] = order_id
        elif payment.names or not from_stripe():
            continue  # it belongs to an order that isn't there: a check shows it
        elif payment.makes_order:
            # The intent has the first word on which order it is for.
            known = payment.intent or payment.needs_no_money or payment.key in ripe
            (result.making if known else result.waiting).append(payment)
        elif payment.succeeded_at:
            others.append(payment)
    # An invoice's payment has no session of mode payment, so those need not be asked about.
    of_invoices = invoiced(others)
    for payment in others:
        if payment.key in of_invoices:
            continue
        if payment.key in ripe:
            result.making.append(payment)
        else:
            result.waiting.append(payment)
    return result


def orders_by_number(numbers: Collection[str]) -> dict[str, int]:
    """The orders with these numbers. Those that aren't there are held, so that none of them can be
    made meanwhile without seeing who waits for it."""
    wanted = {number for number in numbers if len(number) <= LONGEST_NUMBER}
    if not wanted:
        return {}

    def find(numbers: Collection[str]) -> dict[str, int]:
        rows = Order.objects.filter(number__in=list(numbers)).order_by()
        return dict(rows.values_list("number", "pk"))

    found = find(wanted)
    missing = wanted - found.keys()
    if missing:
        lock_numbers(missing)
        found |= find(missing)
    return found


def store_links(links: Mapping[str, int], payments: Mapping[str, Payment]) -> dict[str, int]:
    """Link payments to orders, unless they are already, and return what holds now. A session that
    needed no payment has none to link: its order is told with the others."""
    free = {key: order for key, order in links.items() if payments[key].needs_no_money}
    paying = sorted(links.keys() - free.keys())
    if paying:
        now = timezone.now()
        OrderPayment.objects.bulk_create(
            [OrderPayment(order_id=links[key], payment=key, linked_at=now) for key in paying],
            ignore_conflicts=True,
        )
        rows = OrderPayment.objects.filter(payment__in=paying).order_by()
        free |= dict(rows.values_list("payment", "order_id"))
    return free


def await_sessions(waiting: Collection[Payment], unlinked: Collection[Payment]) -> None:
    """Let these payments wait, asking Stripe what isn't known of each. The others don't."""
    keys = {payment.key for payment in waiting}
    settled = [payment.key for payment in unlinked if payment.key not in keys]
    if settled:
        WaitingPayment.objects.filter(payment__in=settled).delete()
    if not waiting:
        return
    known = set(WaitingPayment.objects.filter(payment__in=keys).values_list("payment", flat=True))
    new = sorted((payment for payment in waiting if payment.key not in known), key=lambda p: p.key)
    WaitingPayment.objects.bulk_create(
        [
            WaitingPayment(payment=payment.key, due_at=payment.observed_at + PATIENCE)
            for payment in new
        ],
        ignore_conflicts=True,
    )
    reads.request(
        (wish for payment in new for wish in wishes(payment)),
        not_before={payment.key: payment.observed_at + ASK_AFTER for payment in new},
    )


def wishes(payment: Payment) -> list[tuple[str, str]]:
    """What is to be asked of Stripe about a payment that waits."""
    if is_bare_charge(payment):
        return []
    asked = [] if payment.intent else [(INTENT, payment.key)]
    return asked if payment.session else [*asked, (ORIGIN, payment.key)]
