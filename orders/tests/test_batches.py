"""A batch costs a bounded number of statements, whatever its size."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, Product
from orders.services.creation import NewLine
from orders.services.settlement import settle
from orders.services.waiting import settle_waiting
from orders.tests.conftest import enforce
from orders.tests.mirror import at, changed, charge, intent, line, put, refund, session
from payments.models import Customer as StripeCustomer
from payments.models import Product as StripeProduct

pytestmark = pytest.mark.django_db


def rows_of_a_day(first: int, size: int):
    """Every kind of life: by session with lines, by name, waiting, refunded in part and in full."""
    rows = []
    for n in range(first, first + size):
        key = f"{n:05}"
        rows += [
            StripeCustomer(id=f"cus_{key}", livemode=False, as_of=at(0), name=f"Buyer {n}"),
            intent(f"pi_s{key}", customer_id=f"cus_{key}"),
            charge(f"ch_s{key}", payment_intent_id=f"pi_s{key}"),
            session(
                f"cs_s{key}",
                payment_intent_id=f"pi_s{key}",
                email=f"guest{key}@example.com",
                line_items=[line(f"prod_{key}"), line("prod_all")],
            ),
            intent(f"pi_g{key}"),
            session(f"cs_g{key}", payment_intent_id=f"pi_g{key}", email=f"g{key}@example.com"),
            intent(f"pi_n{key}", order=f"SHOP-{key}"),
            charge(f"ch_n{key}", payment_intent_id=f"pi_n{key}"),
            refund(f"re_n{key}", charge_id=f"ch_n{key}", amount=1000 if n % 2 else 100),
            intent(f"pi_l{key}", order=f"NOT-THERE-{key}"),
            intent(f"pi_w{key}"),
            charge(f"ch_w{key}", payment_intent_id=f"pi_w{key}"),
            charge(f"ch_b{key}", payment_intent_id=None),
            StripeProduct(id=f"prod_{key}", livemode=False, as_of=at(0), name=f"Thing {n}"),
        ]
    return rows


def statements(shop_order, first: int, size: int) -> list[str]:
    for n in range(first, first + size):
        shop_order(f"SHOP-{n:05}", lines=[NewLine("mug", 1, 1000, "MUG")])
    changes = changed(rows_of_a_day(first, size))
    with CaptureQueriesContext(connection) as queries:
        settle(changes)
    enforce()
    return [query["sql"] for query in queries]


def test_a_large_batch_takes_the_statements_of_a_small_one(shop_order):
    Product.objects.create(sku="MUG", name="Mug", stock=50, created_at=at(0))
    small = statements(shop_order, 0, 2)
    large = statements(shop_order, 100, 40)
    assert len(large) == len(small), "\n".join(sql[:120] for sql in large)
    assert len(large) <= 51
    assert Order.objects.filter(source="stripe").count() == 2 * 42
    assert Order.objects.filter(source="shop", status="canceled").count() == 21
    assert Product.objects.get(sku="MUG").stock == 50 - 21


def test_the_commonest_batch_takes_few_statements():
    put(intent("pi_0"), session("cs_0", payment_intent_id="pi_0", email="ann@example.com"))
    changes = changed(
        row
        for n in range(1, 30)
        for row in (
            intent(f"pi_{n}"),
            charge(f"ch_{n}", payment_intent_id=f"pi_{n}"),
            session(f"cs_{n}", payment_intent_id=f"pi_{n}", email="ann@example.com"),
        )
    )
    with CaptureQueriesContext(connection) as queries:
        settle(changes)
    assert Order.objects.filter(status="paid").count() == 29
    assert len(queries) <= 22, "\n".join(q["sql"][:150] for q in queries)


def test_a_batch_that_moves_nothing_of_orders_takes_no_statement(django_assert_num_queries):
    changes = changed([intent(), charge()])
    again = type(changes)(
        {
            model: {
                key: type(change)(change.after, change.after, change.event_id)
                for key, change in by_id.items()
            }
            for model, by_id in changes.by_model.items()
        }
    )
    with django_assert_num_queries(0):
        settle(again)


def test_making_the_orders_of_many_that_waited_takes_the_statements_of_few():
    counts = []
    for first, size in ((0, 2), (100, 50)):
        put(
            *(
                row
                for n in range(first, first + size)
                for row in (
                    intent(f"pi_{n}", receipt_email=f"b{n}@example.com"),
                    charge(f"ch_{n}", payment_intent_id=f"pi_{n}"),
                )
            )
        )
        with CaptureQueriesContext(connection) as queries:
            assert settle_waiting(at(1000)) == size
        counts.append(len(queries))
    assert counts[0] == counts[1]
