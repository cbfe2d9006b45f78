"""Which order a payment belongs to, and orders made by the shop, the admin or a file."""

from __future__ import annotations

import pytest

from auditlog.models import AuditEvent
from orders.models import Customer, Order, OrderPayment, Product, WaitingPayment
from orders.services.creation import BadOrder, NewLine, NewOrder, OrderExists, create_order
from orders.services.waiting import settle_waiting
from orders.tests.mirror import at, charge, event_of, intent, put, refund, session
from payments.models import ReadRequest

pytestmark = pytest.mark.django_db


def links() -> dict[str, str]:
    return dict(OrderPayment.objects.values_list("payment", "order__number"))


def test_an_intent_names_its_order(shop_order):
    shop_order()
    put(intent(order="A-1", status="requires_payment_method"))
    assert links() == {"pi_1": "A-1"}


def test_a_charge_names_the_order_of_its_intent(shop_order):
    shop_order()
    put(intent(), charge(order="A-1"))
    assert links() == {"pi_1": "A-1"}
    assert Order.objects.get().status == "paid"


def test_a_charge_without_intent_is_a_payment_of_its_own(shop_order):
    shop_order()
    put(charge(order="A-1", payment_intent_id=None))
    assert links() == {"ch_1": "A-1"}
    assert Order.objects.get().status == "paid"


@pytest.mark.parametrize("values", [{"order": "A-1"}, {"client_reference_id": "A-1"}])
def test_a_session_names_the_order_of_its_intent(shop_order, values):
    shop_order()
    put(intent(), charge())
    put(session(**values))
    assert links() == {"pi_1": "A-1"}
    assert Order.objects.get().status == "paid"
    assert not WaitingPayment.objects.exists()


def test_of_several_names_the_intents_comes_first(shop_order):
    for number in ("INTENT", "CHARGE", "SESSION", "REFERENCE"):
        shop_order(number)
    put(
        intent(order="INTENT"),
        charge(order="CHARGE"),
        session(order="SESSION", client_reference_id="REFERENCE"),
    )
    assert links() == {"pi_1": "INTENT"}


def test_metadata_comes_before_the_reference(shop_order):
    shop_order("SESSION")
    shop_order("REFERENCE")
    put(intent(), session(order="SESSION", client_reference_id="REFERENCE"))
    assert links() == {"pi_1": "SESSION"}


def test_a_payment_belongs_to_one_order_for_ever(shop_order):
    shop_order("A-1")
    shop_order("A-2")
    put(intent(order="A-1"))
    put(intent(order="A-2"))
    assert links() == {"pi_1": "A-1"}


def test_metadata_that_names_no_order_makes_none(settings):
    put(intent(order="LATER"), charge(order="LATER"))
    put(session("cs_2", order="LATER", payment_intent_id="pi_2"))
    assert settle_waiting(at(1000)) == 0
    assert not Order.objects.exists()
    assert not WaitingPayment.objects.exists()


@pytest.mark.parametrize("name", ["x" * 10_000, {"number": "A-1"}, 7, "", None])
def test_an_absurd_name_is_no_obstacle(shop_order, name):
    shop_order()
    put(intent(metadata={"order": name}), charge())
    assert links() == {}


def test_off_makes_no_order_but_links(settings, shop_order):
    settings.ORDERS_FROM_STRIPE = "off"
    shop_order()
    put(intent(order="A-1"), charge(), session("cs_2", payment_intent_id="pi_2"), intent("pi_2"))
    assert links() == {"pi_1": "A-1"}
    assert not WaitingPayment.objects.exists()
    assert not ReadRequest.objects.exists()


@pytest.mark.parametrize(
    "rows",
    [
        lambda: [intent(order="A-1"), charge()],
        lambda: [intent(), charge(order="A-1")],
        lambda: [intent(), charge(), session(order="A-1", payment_status="unpaid")],
        lambda: [intent(), charge(), session(client_reference_id="A-1", payment_status="unpaid")],
        lambda: [charge(order="A-1", payment_intent_id=None)],
    ],
)
def test_an_order_made_later_finds_the_payment_that_names_it(shop_order, heard, rows):
    put(*rows())
    assert not Order.objects.exists()
    order = shop_order()
    assert (order.status, order.paid_at, order.captured_minor) == ("paid", at(1), 1000)
    assert [(c.before, c.after.status) for c in heard] == [(None, "paid")]


def test_an_order_made_later_finds_a_refund_too(shop_order):
    changes = put(intent(order="A-1"), charge(), refund())
    order = shop_order()
    assert (order.status, order.refund_status) == ("canceled", "full")
    events = {c.event_id for c in changes.by_model[type(charge())].values()}
    paid = order.transitions.get(to_status="paid")
    assert {paid.event_id} == events
    assert paid.reason == "from the shop"


def test_an_order_made_later_finds_the_session_that_needed_no_payment(shop_order):
    put(
        session(
            order="FREE",
            payment_intent_id=None,
            payment_status="no_payment_required",
            amount_total=0,
        )
    )
    order = shop_order("FREE", total_minor=0)
    assert (order.status, order.checkout_session_id) == ("paid", "cs_1")


def test_an_open_session_is_no_payment(shop_order):
    put(
        session("cs_0", order="A-1", payment_intent_id=None, status="open", payment_status="unpaid")
    )
    shop_order()
    put(
        session("cs_1", order="A-1", payment_intent_id=None, status="open", payment_status="unpaid")
    )
    assert links() == {}


def test_an_order_made_later_leaves_a_payment_where_it_is(shop_order):
    put(intent(), charge(), session(client_reference_id="A-1"))
    assert links() == {"pi_1": "pi_1"}
    assert shop_order().status == "pending"
    assert links() == {"pi_1": "pi_1"}


def test_making_an_order_is_audited_with_its_reason(shop_order):
    order = shop_order(
        email=" Ann@Example.COM ", name="Ann", lines=[NewLine("Tea", 2, 1000, "TEA")]
    )
    made = AuditEvent.objects.get(action="order.created")
    assert (made.target_id, made.reason, made.after["number"]) == (
        str(order.pk),
        "from the shop",
        "A-1",
    )
    assert order.customer == Customer.objects.get(email="ann@example.com", name="Ann")
    assert order.lines.get().product == Product.objects.get(sku="TEA", stock=None)


def test_a_number_is_given_once(shop_order):
    shop_order()
    with pytest.raises(OrderExists):
        shop_order()
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"number": ""},
        {"number": " "},
        {"number": "x" * 256},
        {"number": "a\0b"},
        {"currency": "USD"},
        {"currency": "us"},
        {"total_minor": -1},
        {"total_minor": 10**16},
        {"email": "nobody"},
        {"lines": [NewLine("none", 0, 0)]},
        {"lines": [NewLine("huge", 1, 10**17)]},
        {"lines": [NewLine("a\0b", 1, 1)]},
        {"lines": [NewLine("half", 1, 1, sku="\ud800")]},
        {"lines": [NewLine("long", 1, 1, sku="x" * 256)]},
        {"name": "\x1b[31m"},
        {"name": "x" * 2001},
        {"tax_minor": -1},
        {"shipping_minor": 10**16},
    ],
)
def test_what_cant_be_an_order_is_refused(shop_order, values):
    with pytest.raises(BadOrder):
        shop_order(**values)
    assert not Order.objects.exists()


def test_an_order_without_a_reason_is_refused():
    with pytest.raises(BadOrder):
        create_order(NewOrder("A-1", "usd", 1), source=Order.Source.ADMIN, reason=" ")


def test_the_lookups_by_name_use_their_indexes(shop_order, django_assert_max_num_queries):
    """Nobody may read the whole mirror to make an order."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from orders.services.payment_facts import naming

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        naming(["A-1", "A-2"])
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + query["sql"])
            plan = "\n".join(row for (row,) in cursor.fetchall())
        assert "Seq Scan" not in plan, plan
        assert "orders_" in plan
    assert len(queries) == 3


def test_events_of_other_objects_are_not_taken_for_the_cause(shop_order):
    put(intent(order="A-1"), charge())
    stranger = event_of(charge("ch_9"))
    assert shop_order().transitions.get().event_id != stranger.pk
