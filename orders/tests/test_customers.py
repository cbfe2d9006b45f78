"""Customers: one row each across orders and Stripe, by Stripe's id, then by address."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.buyers import bought_by, customer_detail, customers
from orders.models import Customer, Order
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import at, charge, dispute, intent, put, refund
from payments.models import Customer as StripeCustomer
from payments.models import Subscription

pytestmark = pytest.mark.django_db
LIST = reverse("admin:orders_customer_changelist")


def at_stripe(
    id: str = "cus_1", email: str = "ann@example.com", minutes: float = -50, **values: Any
) -> StripeCustomer:
    values = {"livemode": False, "created": at(-90), "as_of": at(minutes), **values}
    return StripeCustomer(id=id, email=email, **values)


def rows() -> list[tuple[str | None, str]]:
    return sorted(customers().values_list("stripe_customer_id", "email"), key=str)


def of(order: Order) -> Customer:
    order.refresh_from_db()
    assert order.customer is not None
    return order.customer.same_as or order.customer


def page(client: Client, customer: Customer) -> str:
    url = reverse("admin:orders_customer_change", args=[customer.pk])
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_stripes_customer_is_there_without_an_order():
    put(at_stripe(name="Ann"))
    customer = Customer.objects.get()
    assert (customer.name, customer.created_at) == ("Ann", at(-90))


def test_a_guest_who_gets_a_stripe_id_later_is_one_customer(shop_order: MakeOrder):
    first = shop_order("A-1", email="Ann@Example.com")
    assert rows() == [(None, "ann@example.com")]
    put(at_stripe(email=" ANN@example.com"))
    second = shop_order("A-2", stripe_customer="cus_1")
    third = shop_order("A-3", email="ann@example.com")
    assert rows() == [("cus_1", "ann@example.com")]
    assert of(first) == of(second) == of(third)
    assert bought_by([of(first).pk])[of(first).pk].orders == 3


def test_two_of_stripes_customers_with_one_address_stay_two_and_the_guest_a_third(shop_order):
    order = shop_order("A-1", email="ann@example.com")
    put(at_stripe("cus_1"))
    assert of(order).stripe_customer_id == "cus_1"
    put(at_stripe("cus_2"))
    assert of(order).stripe_customer_id is None
    assert len(rows()) == 3


def test_a_guest_follows_the_address_when_it_changes_hands(shop_order):
    order = shop_order("A-1", email="ann@example.com")
    put(at_stripe())
    put(at_stripe(email="bob@example.com", minutes=-40))
    assert of(order).stripe_customer_id is None
    put(at_stripe("cus_2"))
    assert of(order).stripe_customer_id == "cus_2"


def test_a_deleted_customer_stays_who_it_was(shop_order):
    order = shop_order("A-1", email="ann@example.com")
    put(at_stripe())
    put(at_stripe(email="", minutes=-40, deleted=True))
    assert of(order).stripe_customer_id == "cus_1"
    put(at_stripe("cus_9", email="", deleted=True))
    assert not Customer.objects.filter(stripe_customer="cus_9").exists()


def test_a_customer_without_an_address_is_nobody_elses(shop_order):
    put(at_stripe("cus_1", email=""), at_stripe("cus_2", email="not an address"))
    order = shop_order("A-1", stripe_customer="cus_1")
    assert of(order).stripe_customer_id == "cus_1"
    assert rows() == [("cus_1", ""), ("cus_2", "")]


STEPS = ("guest", "first", "second", "moves")


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
def test_the_end_is_the_same_in_whatever_order_it_became_known(shop_order, order):
    steps = {
        "guest": lambda: shop_order("A-1", email="ann@example.com"),
        "first": lambda: put(at_stripe("cus_1")),
        "second": lambda: put(at_stripe("cus_2")),
        # The second one moves to another address; heard before the first word of it or after.
        "moves": lambda: put(at_stripe("cus_2", email="bob@example.com")),
    }
    for step in order:
        if step != "second" or "moves" not in order[: order.index("second")]:
            steps[step]()
    assert rows() == [("cus_1", "ann@example.com"), ("cus_2", "bob@example.com")]
    assert of(Order.objects.get()).stripe_customer_id == "cus_1"


# The list and the page


def test_the_list_has_one_row_a_customer(as_operator, shop_order):
    shop_order("A-1", email="ann@example.com")
    shop_order("A-2", email="cy@example.com")
    put(at_stripe())
    found = as_operator.get(LIST, {"q": "ANN@example.com"}).context["cl"].result_list
    assert [customer.stripe_customer_id for customer in found] == ["cus_1"]
    found = as_operator.get(LIST, {"q": "cus_1; cy@example.com"}).context["cl"].result_list
    assert len(found) == 2
    html = as_operator.get(LIST).content.decode()
    assert html.count('<span class="figure">1</span>') == 2


def test_the_statements_of_the_list_dont_grow(as_operator, shop_order):
    counts = []
    for size in (1, 20):
        for n in range(size):
            shop_order(f"{size}-{n}", email=f"b{size}-{n}@example.com")
        with CaptureQueriesContext(connection) as queries:
            as_operator.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


@pytest.fixture
def ann(shop_order: MakeOrder) -> Customer:
    """A guest's order, one of Stripe's customer, and a subscription's payment without an order."""
    shop_order("A-1", email="ann@example.com", placed_at=at(-500))
    put(
        at_stripe(name="Ann"),
        intent("pi_1", order="A-1"),
        charge("ch_1"),
        charge("ch_0", status="failed"),
        refund("re_1", amount=300),
        refund("re_2", amount=100, status="failed"),
        refund("re_3", amount=50, status="pending"),
        dispute("dp_1", amount=700, reason="fraudulent"),
    )
    shop_order("A-2", stripe_customer="cus_1", currency="jpy", total_minor=500)
    put(
        intent("pi_2", order="A-2", customer_id="cus_1", currency="jpy", amount=500),
        charge("ch_2", payment_intent_id="pi_2", customer_id="cus_1", currency="jpy", amount=500),
        charge(
            "ch_3", payment_intent_id="pi_3", customer_id="cus_1", amount=2500, invoice_id="in_1"
        ),
        Subscription(id="sub_1", livemode=False, as_of=at(0), status="active", customer_id="cus_1"),
    )
    shop_order("B-1", email="bob@example.com")
    put(intent("pi_b", order="B-1"), charge("ch_b", payment_intent_id="pi_b"))
    return customers().get(stripe_customer="cus_1")


def test_lifetime_value_is_captured_less_refunded_by_currency(ann):
    worth = {
        w.currency: (w.payments, w.captured, w.refunded, w.net) for w in customer_detail(ann).worth
    }
    assert worth == {"usd": (2, 3500, 300, 3200), "jpy": (1, 500, 0, 500)}


def test_the_page_shows_all_that_is_known(as_operator, ann):
    html = page(as_operator, ann)
    for part in (
        "A-1",
        "A-2",
        "sub_1",
        "re_1",
        "dp_1",
        "fraudulent",
        "32.00 USD",
        "500 JPY",
        "Orders: 2, the first",
        "2026-03-01",
        "Also bought as a guest",
    ):
        assert part in html, part
    assert "B-1" not in html
    assert "re_b" not in html


def test_the_guests_page_leads_to_the_customer(as_operator, ann):
    guest = Customer.objects.get(same_as=ann)
    response = as_operator.get(reverse("admin:orders_customer_change", args=[guest.pk]))
    assert response.url == reverse("admin:orders_customer_change", args=[ann.pk])


def test_a_customer_of_whom_nothing_is_known_says_so(as_operator, shop_order):
    put(at_stripe())
    html = page(as_operator, Customer.objects.get())
    for words in (
        "No order yet.",
        "No subscription.",
        "Nothing was refunded.",
        "Nothing was disputed.",
        "Nothing was captured.",
    ):
        assert words in html
    shop_order("G-1", email="guest@example.com")
    assert "A guest has no subscriptions." in page(
        as_operator, customers().get(email="guest@example.com")
    )


def test_namesakes_name_each_other(as_operator):
    put(at_stripe("cus_1"), at_stripe("cus_2"))
    first, second = customers().order_by("stripe_customer")
    assert "cus_2" in page(as_operator, first)
    assert "Others with this address" in page(as_operator, second)


def test_the_statements_of_the_page_are_bounded(as_operator, ann, shop_order):
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(as_operator, ann)
        return len(captured)

    before = statements()
    for n in range(12):
        shop_order(f"C-{n}", email="ann@example.com")
        put(refund(f"re_c{n}", amount=1), dispute(f"dp_c{n}", amount=1))
    assert statements() == before <= 18


def test_who_may_not_look_sees_no_customer(client, executive, ann):
    client.force_login(executive)
    guest = Customer.objects.get(same_as=ann)
    for pk in (ann.pk, guest.pk):
        assert client.get(reverse("admin:orders_customer_change", args=[pk])).status_code == 403
