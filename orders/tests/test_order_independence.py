"""Whatever the order in which Stripe's observations come, orders end in the same state."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orders.models import Customer, Order, OrderPayment, Product, WaitingPayment
from orders.services.creation import NewLine, NewOrder, OrderExists, create_order
from orders.services.waiting import settle_waiting
from orders.tests.mirror import (
    at,
    balance_transaction,
    charge,
    intent,
    invoice_payment,
    line,
    put,
    refund,
    session,
)
from payments.models import Customer as StripeCustomer
from payments.models import MirrorObject

pytestmark = pytest.mark.django_db

SHOP = "the shop makes its order"
TICK = "some minutes pass"


def buyer(**values: Any) -> StripeCustomer:
    return StripeCustomer(id="cus_1", livemode=False, as_of=at(0), created=at(-9), **values)


# Each life: what Stripe says of each object, the older first. The mirror never goes back to an
# older version, so a version that comes after a newer one says nothing.
LIVES: dict[str, dict[str, list[Any]]] = {
    "checkout, refund that fails after it succeeded": {
        "customer": [buyer(name="", email=""), buyer(name="Ann", email="ann@example.com")],
        "intent": [
            intent(status="requires_payment_method", customer_id="cus_1"),
            intent(customer_id="cus_1"),
        ],
        "charge": [charge(customer_id="cus_1"), charge(customer_id="cus_1", amount_refunded=1000)],
        "session": [
            session(status="open", payment_status="unpaid", payment_intent_id=None),
            session(amount_tax=160, customer_id="cus_1"),
            session(amount_tax=160, customer_id="cus_1", line_items=[line(), line("prod_2", 9)]),
        ],
        "refund": [
            refund(status="pending", succeeded_at=None),
            refund(balance_transaction_id="txn_1"),
            refund(status="failed", balance_transaction_id="txn_1"),
        ],
        "transaction": [balance_transaction("txn_1", "re_1", created=at(61))],
        TICK: [TICK],
    },
    "checkout, two partial refunds": {
        "intent": [intent()],
        "charge": [charge()],
        "session": [session(email="ann@example.com", line_items=[line()])],
        "first": [refund("re_1", amount=400, status="pending"), refund("re_1", amount=400)],
        "second": [refund("re_2", amount=500), refund("re_2", amount=500, status="failed")],
        TICK: [TICK],
    },
    "intent of no session, in two refunds": {
        "intent": [intent(receipt_email="bob@example.com")],
        "declined": [charge("ch_0", status="failed")],
        "charge": [charge(captured_at=None, amount_captured=0), charge()],
        "first": [refund("re_1", amount=400)],
        "second": [refund("re_2", amount=600, succeeded_at=at(70))],
        TICK: [TICK, TICK],
    },
    "the shop's order, named by metadata": {
        SHOP: [SHOP],
        "intent": [
            intent(order="A-1", status="requires_payment_method"),
            intent(order="A-1"),
        ],
        "charge": [charge(order="A-1"), charge(order="A-1", status="failed", captured_at=at(1))],
        "first": [refund("re_1", amount=600, status="failed", failed_at=at(80))],
        "second": [refund("re_2", amount=600, succeeded_at=at(90))],
        TICK: [TICK],
    },
    "the shop's order, named by the session's reference": {
        SHOP: [SHOP],
        "intent": [intent(status="requires_payment_method"), intent()],
        "charge": [charge()],
        "session": [
            session(status="open", payment_status="unpaid", payment_intent_id=None),
            session(client_reference_id="A-1", payment_status="unpaid"),
        ],
        "refund": [refund(status="pending", succeeded_at=None), refund()],
    },
    "the shop's order, paid by two payments": {
        SHOP: [SHOP],
        "intent": [intent(order="A-1", amount=600)],
        "charge": [charge(amount=600)],
        "other intent": [intent("pi_2", order="A-1", amount=400)],
        "other charge": [charge("ch_2", payment_intent_id="pi_2", amount=400, captured_at=at(3))],
        "refund": [refund(amount=600)],
    },
    "capture of less than was authorised": {
        "intent": [
            intent(status="requires_capture", amount=1000),
            intent(amount=1000, amount_received=700),
        ],
        "charge": [
            charge(captured_at=None, amount_captured=0),
            charge(amount_captured=700, captured_at=at(2)),
        ],
        "session": [session(amount_total=1000)],
        "release": [refund(amount=300)],
        TICK: [TICK],
    },
    "a charge without intent": {
        "charge": [charge(payment_intent_id=None, email="cy@example.com")],
        "refund": [refund(), refund(status="failed")],
        TICK: [TICK],
    },
    "an invoice's intent": {
        "intent": [intent()],
        "charge": [charge()],
        "invoice payment": [invoice_payment()],
        "refund": [refund()],
    },
    "nothing to pay": {
        SHOP: [SHOP],
        "session": [
            session(
                payment_intent_id=None,
                status="open",
                payment_status="no_payment_required",
                amount_total=0,
            ),
            session(
                payment_intent_id=None,
                payment_status="no_payment_required",
                amount_total=0,
                line_items=[line(total=0)],
            ),
        ],
        TICK: [TICK],
    },
}

Item = tuple[str, int]


def batches_of(life: dict[str, list[Any]]) -> st.SearchStrategy[list[list[Item]]]:
    """All items of a life and some of them twice, in any order, cut into batches anywhere."""
    items = [(name, version) for name, versions in life.items() for version in range(len(versions))]
    shuffled = st.tuples(
        st.permutations(items), st.lists(st.sampled_from(items), max_size=3)
    ).flatmap(lambda pair: st.permutations([*pair[0], *pair[1]]))
    return shuffled.flatmap(
        lambda order: st.lists(st.booleans(), min_size=len(order), max_size=len(order)).map(
            lambda cuts: cut(order, cuts)
        )
    )


def cut(items: list[Item], cuts: list[bool]) -> list[list[Item]]:
    batches: list[list[Item]] = [[]]
    for item, ends in zip(items, cuts, strict=True):
        batches[-1].append(item)
        if ends:
            batches.append([])
    return [batch for batch in batches if batch]


def live(life: dict[str, list[Any]], batches: list[list[Item]]) -> dict[str, Any]:
    """What is in the database after these batches, and when no payment waits any more."""
    newest: dict[str, int] = {}
    Product.objects.create(
        sku="MUG", name="Mug", stripe_product_id="prod_1", stock=3, created_at=at(-100)
    )
    for batch in batches:
        rows: dict[str, MirrorObject] = {}
        for name, version in batch:
            if life[name][version] == SHOP:
                open_shop_order()
            elif life[name][version] == TICK:
                settle_waiting(at(1000))
            elif version >= newest.get(name, 0):
                newest[name] = version
                rows[name] = copy.copy(life[name][version])
        put(*rows.values())
    settle_waiting(at(1000))
    return state()


def open_shop_order() -> None:
    new = NewOrder(
        "A-1", "usd", 1000, lines=[NewLine("A mug", 2, 1000, sku="MUG")], placed_at=at(-10)
    )
    with suppress(OrderExists):  # a duplicate
        create_order(new, source=Order.Source.SHOP, reason="from the shop")


def state() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    unstable = {"id", "customer", "created_at"}
    columns = [f.name for f in Order._meta.concrete_fields if f.name not in unstable]
    return {
        "orders": {
            order.number: {
                **{name: getattr(order, name) for name in columns},
                "moves": list(order.transitions.values_list("from_status", "to_status")),
                "buyer": order.customer
                and (order.customer.stripe_customer_id, order.customer.email, order.customer.name),
                "lines": list(
                    order.lines.values_list(
                        "position", "product__sku", "quantity", "total_minor", "taken"
                    )
                ),
            }
            for order in Order.objects.all()
        },
        "links": set(OrderPayment.objects.values_list("payment", "order__number")),
        "stock": dict(Product.objects.values_list("sku", "stock")),
        "waiting": WaitingPayment.objects.count(),
        "buyers": Customer.objects.filter(orders__isnull=False).distinct().count(),
    }


def in_turn(life: dict[str, list[Any]]) -> list[list[Item]]:
    """The life as it should come: object by object, version by version, time passing last."""
    names = sorted(life, key=lambda name: (name == TICK, name != SHOP))
    return [[(name, version)] for name in names for version in range(len(life[name]))]


@pytest.mark.parametrize("name", LIVES)
def test_any_order_duplicates_and_batches_end_in_the_same_orders(name):
    life = LIVES[name]
    with transaction.atomic():
        expected = live(life, in_turn(life))
        transaction.set_rollback(True)

    @hypothesis_settings(
        max_examples=15,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(batches_of(life))
    def check(batches: list[list[Item]]) -> None:
        with transaction.atomic():
            found = live(life, batches)
            transaction.set_rollback(True)
        assert found == expected

    check()


def test_the_lives_end_where_the_policy_says():
    """So that the comparison above isn't one of nothing with nothing."""
    ends = {}
    for name, life in LIVES.items():
        with transaction.atomic():
            orders = live(life, in_turn(life))["orders"].values()
            transaction.set_rollback(True)
        ends[name] = sorted((order["status"], order["refund_status"]) for order in orders)
    assert ends == {
        "checkout, refund that fails after it succeeded": [("canceled", "none")],
        "checkout, two partial refunds": [("paid", "partial")],
        "intent of no session, in two refunds": [("canceled", "full")],
        "the shop's order, named by metadata": [("paid", "partial")],
        "the shop's order, named by the session's reference": [("canceled", "full")],
        "the shop's order, paid by two payments": [("paid", "partial")],
        "capture of less than was authorised": [("paid", "none")],
        "a charge without intent": [("canceled", "none")],
        "an invoice's intent": [],
        "nothing to pay": [("paid", "none"), ("pending", "none")],
    }
