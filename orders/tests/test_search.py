"""Search and list of orders read indexes, however many orders there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.tests.rows import multiply
from orders import flags
from orders.models import Customer, Order, OrderPayment
from orders.search import find_orders

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 9, 21, tzinfo=UTC)

# A node that reads rows: it must say by which condition of an index, or of a found bitmap.
SCAN = re.compile(r"(?:Seq|Index|Index Only|Bitmap Heap|Bitmap Index) Scan")


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row for (row,) in cursor.fetchall())


@pytest.fixture
def many() -> None:
    """Enough rows for reading all of them to be dear: on empty tables any plan is as good."""
    customer = Customer.objects.create(stripe_customer_id="cus_0", created_at=NOW)
    order = Order.objects.create(
        number="A-0",
        source="shop",
        currency="eur",
        total_minor=0,
        email="buyer0@example.com",
        customer=customer,
        placed_at=NOW,
        created_at=NOW,
    )
    payment = OrderPayment.objects.create(order=order, payment="pi_0", linked_at=NOW)
    times = 2999
    multiply(customer, times, stripe_customer_id="'cus_' || n")
    multiply(
        order,
        times,
        number="'A-' || n",
        total_minor="n",
        email="'buyer' || n || '@example.com'",
        customer_id=f"{customer.pk} + n",
    )
    multiply(payment, times, payment="'pi_' || n", order_id=f"{order.pk} + n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_customer, orders_order, orders_orderpayment")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("terms", [["A-2999"], ["A-2999", "ann@example.com", "re_1"]])
def test_orders_and_their_payments_are_read_by_what_is_looked_for(terms):
    with CaptureQueriesContext(connection) as queries:
        list(Order.objects.filter(find_orders(terms)))
    assert len(queries) == 4
    plan = plan_of(queries[-1]["sql"])
    lines = plan.splitlines()
    for number, text in enumerate(lines):
        if SCAN.search(text):
            assert re.search(r"(?:Index|Recheck) Cond", lines[number + 1]), plan


# The list's filters, each with the index that serves it in the list's order.
NEWEST = ("-placed_at", "-id")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("asked", "order", "index"),
    [
        ({}, NEWEST, "order_placed"),
        ({"status": "paid"}, NEWEST, "order_status_placed"),
        ({"source": "admin"}, NEWEST, "order_source_placed"),
        ({"refund_status": "full"}, NEWEST, "order_refunded_placed"),
        ({"refund_status": "none"}, NEWEST, "order_placed"),
        ({"status": "paid", "paid_at__lt": NOW}, ("paid_at", "id"), "order_status_paid"),
    ],
)
def test_each_filter_of_the_list_reads_its_index_in_order(asked, order, index):
    with CaptureQueriesContext(connection) as queries:
        list(Order.objects.select_related("customer").filter(**asked).order_by(*order)[:51])
    plan = plan_of(queries[-1]["sql"])
    assert re.search(rf"Index Scan (Backward )?using {index} on", plan), plan
    assert "Seq Scan on orders_order" not in plan


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("flag", flags.all_flags(), ids=lambda flag: flag.name)
def test_each_flag_reads_no_table_of_orders_or_payments(flag):
    rows = Order.objects.filter(flag.condition()).order_by(*NEWEST)[:51]
    with CaptureQueriesContext(connection) as queries:
        list(rows)
    plan = plan_of(queries[-1]["sql"])
    assert not re.search("Seq Scan on (orders_order|orders_orderpayment)", plan), plan
