"""Orders, products and buyers in the admin: they show, and what changes goes by services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from orders.models import Order, OrderTransition, Product
from orders.services.creation import NewLine
from orders.services.handling import RefundImpossible, refund_order
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import at, charge, intent, line, put, refund, session
from payments import inbox, processing
from payments.models import Refund, Source
from standin import StandIn

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"
PAGE = "admin:orders_order_change"


@pytest.fixture
def as_operator(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def as_auditor(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


@pytest.fixture
def paid(shop_order: MakeOrder) -> Order:
    order = shop_order(email="ann@example.com", lines=[NewLine("A <mug>", 1, 1000, "MUG")])
    put(intent(order="A-1"), charge())
    order.refresh_from_db()
    return order


def text_of(client: Client, name: str, *args: object) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def found(client: Client, query: str) -> list[str]:
    rows = client.get(reverse(LIST), {"q": query}).context["cl"].result_list
    return sorted(order.number for order in rows)


def inline_code(html: str) -> list[str]:
    """What the site's policy would block."""
    return re.findall(r"\sstyle=|\son\w+=|<style|<script(?![^>]*(?:src=|application/json))", html)


def act(client: Client, order: Order, name: str, **values: Any) -> Any:
    return client.post(reverse(f"admin:orders_order_{name}", args=[order.pk]), values)


# Lists and pages


def test_the_list_shows_amounts_with_their_currency(as_operator, shop_order):
    shop_order("GBP-1", currency="gbp", total_minor=123456)
    shop_order("JPY-1", currency="jpy", total_minor=123456)
    shop_order("KWD-1", currency="kwd", total_minor=123456)
    html = text_of(as_operator, LIST)
    for amount in ("1,234.56 GBP", "123,456 JPY", "123.456 KWD"):
        assert f'<span class="money">{amount}</span>' in html
    assert inline_code(html) == []


def test_the_list_takes_as_many_statements_for_many_orders_and_counts_no_table(
    as_operator, shop_order
):
    counts = []
    for size in (1, 30):
        for n in range(size):
            shop_order(f"{size}-{n}", email=f"{size}-{n}@example.com")
        with CaptureQueriesContext(connection) as queries:
            as_operator.get(reverse(LIST))
        counts.append(len(queries))
        counting = [
            q["sql"] for q in queries if "COUNT(" in q["sql"] and "orders_order" in q["sql"]
        ]
        assert all("LIMIT" in sql for sql in counting), counting
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("A-1", ["A-1"]),
        ("A-", ["A-1", "A-2"]),
        ("ANN@example.com", ["A-1"]),
        ("pi_1", ["A-1"]),
        ("ch_1", ["A-1"]),
        ("re_1", ["A-1"]),
        ("cs_free", ["cs_free"]),
        ("cus_1", ["pi_9"]),
        ("A-1, A-2\nA-3", ["A-1", "A-2"]),
        ("nothing", []),
        ("%", []),
        (",", ["A-1", "A-2", "cs_free", "pi_9"]),
    ],
)
def test_orders_are_found_by_number_address_and_any_stripe_id(
    as_operator, paid, shop_order, query, numbers
):
    shop_order("A-2")
    put(
        refund(amount=1),
        intent("pi_9", customer_id="cus_1"),
        session("cs_9", payment_intent_id="pi_9"),
        session(
            "cs_free",
            payment_intent_id=None,
            payment_status="no_payment_required",
            amount_total=0,
        ),
    )
    assert found(as_operator, query) == numbers


@pytest.mark.parametrize("status", ["none", "partial", "full"])
def test_the_list_is_filtered_by_refund(as_operator, paid, shop_order, status):
    put(refund(amount=400))
    shop_order("A-2")
    rows = as_operator.get(reverse(LIST), {"refund_status": status}).context["cl"].result_list
    assert [order.number for order in rows] == {"none": ["A-2"], "partial": ["A-1"], "full": []}[
        status
    ]


def test_the_page_takes_as_many_statements_for_a_long_story(as_operator, shop_order):
    counts = []
    for number, size in (("A-1", 1), ("A-2", 12)):
        order = shop_order(
            number,
            total_minor=1000 * size,
            lines=[NewLine("mug", 1, 9, f"M{n}") for n in range(size)],
        )
        for n in range(size):
            key = f"{number}{n}"
            put(
                intent(f"pi_{key}", order=number),
                charge(f"ch_{key}", payment_intent_id=f"pi_{key}"),
                refund(f"re_{key}", charge_id=f"ch_{key}", amount=1),
            )
        as_operator.get(reverse(PAGE, args=[order.pk]))  # what is cached, is cached
        with CaptureQueriesContext(connection) as queries:
            as_operator.get(reverse(PAGE, args=[order.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


def test_every_page_opens_for_every_kind_of_row(as_operator, paid):
    put(
        intent("pi_7"),
        session("cs_7", payment_intent_id="pi_7", line_items=[line()], email="x@y.z"),
    )
    put(intent("pi_8"))
    for model in ("order", "product", "customer", "waitingpayment"):
        html = text_of(as_operator, f"admin:orders_{model}_changelist")
        links = re.findall(rf'href="(/admin/orders/{model}/[^"/]+/change/)', html)
        assert links
        for link in links:
            response = as_operator.get(link)
            assert response.status_code == 200
            assert inline_code(response.content.decode()) == []


# Acts


def test_fulfilling_asks_for_a_reason_and_names_the_operator(as_operator, operator, paid):
    html = text_of(as_operator, "admin:orders_order_fulfil", paid.pk)
    assert "Mark as fulfilled" in html
    assert inline_code(html) == []
    paid.refresh_from_db()
    assert paid.status == "paid"  # to look is not to do
    refused = act(as_operator, paid, "fulfil", reason=" ")
    assert refused.status_code == 200
    assert "Nothing was done" in refused.content.decode()
    done = act(as_operator, paid, "fulfil", reason="parcel 7")
    assert done.url == reverse(PAGE, args=[paid.pk])
    paid.refresh_from_db()
    move = paid.transitions.latest("id")
    assert (paid.status, move.actor, move.reason) == ("fulfilled", operator, "parcel 7")
    assert "olive: parcel 7" in text_of(as_operator, PAGE, paid.pk)


def test_canceling_a_pending_order(as_operator, shop_order):
    order = shop_order()
    act(as_operator, order, "cancel", reason="asked for")
    order.refresh_from_db()
    assert order.status == "canceled"


def test_what_isnt_possible_any_more_is_said_and_changes_nothing(as_operator, paid):
    response = as_operator.post(
        reverse("admin:orders_order_cancel", args=[paid.pk]), {"reason": "x"}, follow=True
    )
    assert "not possible for A-1 as it is now" in response.content.decode()
    paid.refresh_from_db()
    assert paid.status == "paid"


def test_the_page_offers_what_is_possible_now(as_operator, paid, shop_order):
    def offered(order: Order) -> set[str]:
        page = as_operator.get(reverse(PAGE, args=[order.pk]))
        return {act["title"] for act in page.context["acts"]}

    assert offered(paid) == {"Fulfil", "Refund"}
    assert offered(shop_order("A-2")) == {"Cancel"}
    put(refund())
    assert offered(paid) == set()


@pytest.mark.parametrize("name", ["fulfil", "refund", "cancel"])
def test_who_may_only_look_may_not_act(as_auditor, paid, name):
    before = AuditEvent.objects.count(), OrderTransition.objects.count()
    url = reverse(f"admin:orders_order_{name}", args=[paid.pk])
    assert as_auditor.get(url).status_code == 403
    assert as_auditor.post(url, {"reason": "x"}).status_code == 403
    assert as_auditor.get(reverse(PAGE, args=[paid.pk])).context["acts"] == []
    assert (AuditEvent.objects.count(), OrderTransition.objects.count()) == before


def test_who_may_not_even_look_sees_nothing(client, executive, paid):
    client.force_login(executive)
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse(PAGE, args=[paid.pk])).status_code == 403
    assert client.get(reverse("admin:orders_order_fulfil", args=[paid.pk])).status_code == 403


def test_acting_on_nothing_is_not_found(as_operator):
    assert as_operator.get(reverse("admin:orders_order_fulfil", args=[7])).status_code == 404
    assert as_operator.get(reverse("admin:orders_order_fulfil", args=["x"])).status_code == 404


def test_setting_the_stock_with_a_reason(as_operator, operator, mug):
    url = reverse("admin:orders_product_stock", args=[mug.pk])
    assert 'value="3"' in as_operator.get(url).content.decode()
    assert as_operator.post(url, {"stock": "-1", "reason": "x"}).status_code == 200
    assert as_operator.post(url, {"stock": "12", "reason": ""}).status_code == 200
    mug.refresh_from_db()
    assert mug.stock == 3
    as_operator.post(url, {"stock": "12", "reason": "counted"})
    mug.refresh_from_db()
    assert (mug.stock, AuditEvent.objects.get(action="product.stock").actor) == (12, operator)
    as_operator.post(url, {"stock": "", "reason": "not ours"})
    assert Product.objects.get(pk=mug.pk).stock is None


def test_an_auditor_cant_set_the_stock(as_auditor, mug):
    url = reverse("admin:orders_product_stock", args=[mug.pk])
    assert as_auditor.post(url, {"stock": "12", "reason": "x"}).status_code == 403
    mug.refresh_from_db()
    assert mug.stock == 3


# Refunds, at a Stripe that answers


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


@pytest.fixture
def bought(shop_order: MakeOrder, stripe: StandIn) -> Order:
    """An order of 50.00 USD that was paid at the stand-in."""
    order = shop_order("B-1", total_minor=5000)
    stripe.create_payment(5000, metadata={"order": "B-1"})
    hear(stripe)
    order.refresh_from_db()
    assert order.status == "paid"
    return order


def hear(stripe: StandIn) -> None:
    inbox.store(stripe.events_since(0), Source.WEBHOOK)
    processing.drain()


def refund_form(client: Client, order: Order, **values: str) -> dict[str, str]:
    form = client.get(reverse("admin:orders_order_refund", args=[order.pk])).context["form"]
    return {
        "charge": next(iter(form.charges)),
        "amount": form["amount"].value(),
        "reason": "arrived broken",
        "request": str(form["request"].value()),
        **values,
    }


def refunds_at(stripe: StandIn) -> list[Any]:
    return list(stripe.api("GET", "/v1/refunds", {})["data"])


def test_a_refund_asked_for_here_is_made_at_stripe_and_comes_back(as_operator, bought, stripe):
    response = act(
        as_operator, bought, "refund", **refund_form(as_operator, bought, amount="12.50")
    )
    assert response.status_code == 302
    hear(stripe)
    bought.refresh_from_db()
    assert (bought.status, bought.refunded_minor, bought.refund_status) == ("paid", 1250, "partial")
    assert [made["amount"] for made in refunds_at(stripe)] == [1250]
    asked = AuditEvent.objects.get(action="order.refund_asked")
    assert (asked.actor_name, asked.reason, asked.after["amount"]) == (
        "olive",
        "arrived broken",
        1250,
    )
    left = refund_form(as_operator, bought)
    assert left["amount"] == "37.50"


def test_the_whole_amount_is_proposed_and_cancels_the_order(as_operator, bought, stripe):
    form = refund_form(as_operator, bought)
    assert form["amount"] == "50.00"
    act(as_operator, bought, "refund", **form)
    bought.refresh_from_db()
    assert (bought.status, bought.refund_status) == ("canceled", "full")


def test_a_form_that_is_sent_twice_makes_one_refund(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="10")
    act(as_operator, bought, "refund", **form)
    act(as_operator, bought, "refund", **form)
    assert [made["amount"] for made in refunds_at(stripe)] == [1000]


@pytest.mark.parametrize("amount", ["50.01", "0", "-1", "1.234", "ten", ""])
def test_an_amount_that_cant_be_refunded_never_reaches_stripe(as_operator, bought, stripe, amount):
    response = act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount=amount))
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert refunds_at(stripe) == []
    assert not AuditEvent.objects.filter(action="order.refund_asked").exists()


def test_what_stripe_refuses_is_said_and_the_next_try_is_another_wish(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="20")
    stripe.api("POST", "/v1/refunds", {"charge": form["charge"], "amount": 4000})
    response = act(as_operator, bought, "refund", **form)
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert response.context["form"].non_field_errors()
    assert response.context["form"]["request"].value() != form["request"]
    assert len(refunds_at(stripe)) == 1


def test_a_pending_refund_lessens_what_is_left_but_not_yet_the_order(as_operator, bought, stripe):
    stripe.next_refund("pending")
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="20"))
    bought.refresh_from_db()
    assert (bought.refunded_minor, Refund.objects.get().status) == (0, "pending")
    assert refund_form(as_operator, bought)["amount"] == "30.00"


def test_the_charge_of_another_order_isnt_refunded(bought, shop_order, stripe):
    other = shop_order("B-2")
    with pytest.raises(RefundImpossible):
        refund_order(
            other.pk,
            charge_id=bought.payments.get().payment,
            amount=1,
            reason="x",
            request="r-1",
        )
    assert refunds_at(stripe) == []


def test_without_a_key_the_form_says_so(as_operator, paid, settings):
    settings.STRIPE_API_KEY = ""
    response = act(as_operator, paid, "refund", **refund_form(as_operator, paid))
    assert response.status_code == 200
    assert response.context["form"].non_field_errors()


def test_times_are_shown_with_their_zone(as_operator, paid):
    assert at(1).strftime("%Y-%m-%d %H:%M:%S UTC") in text_of(as_operator, PAGE, paid.pk)
