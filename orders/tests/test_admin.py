"""Orders, products and buyers in the admin: they show, and what changes goes by services."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from auditlog.models import AuditEvent
from orders.models import Customer, Order, OrderTransition, Product
from orders.services.creation import NewLine
from orders.tests.mirror import at, charge, intent, line, put, refund, session

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"
PAGE = "admin:orders_order_change"


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
    assert counts[0] == counts[1] <= 28


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
    html = text_of(as_operator, PAGE, paid.pk)
    assert "paid → fulfilled" in html
    assert '<span class="detail">parcel 7</span>' in html


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

    refunds = {"Refund in full", "Refund an amount", "Refund lines"}
    assert offered(paid) == {"Fulfil", *refunds, "Add a note"}
    assert offered(shop_order("A-2")) == {"Cancel", "Add a note"}
    put(refund())
    assert offered(paid) == {"Add a note"}


@pytest.mark.parametrize("name", ["fulfil", "refund", "cancel"])
def test_who_may_only_look_may_not_act(as_auditor, paid, name):
    done = AuditEvent.objects.exclude(action="permission.denied")
    before = done.count(), OrderTransition.objects.count()
    url = reverse(f"admin:orders_order_{name}", args=[paid.pk])
    assert as_auditor.get(url).status_code == 403
    assert as_auditor.post(url, {"reason": "x"}).status_code == 403
    assert as_auditor.get(reverse(PAGE, args=[paid.pk])).context["acts"] == []
    assert (done.count(), OrderTransition.objects.count()) == before


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


# What nobody may do


@pytest.mark.parametrize("model", [Order, Product, Customer])
def test_nobody_adds_changes_or_deletes_by_hand(client, superuser, paid, model):
    client.force_login(superuser)
    row = model.objects.get()
    before = list(model.objects.values())
    name = f"admin:orders_{model._meta.model_name}"
    values = {"status": "pending", "stock": "99", "name": "x", "post": "yes"}
    assert client.post(reverse(f"{name}_add"), values).status_code == 403
    assert client.post(reverse(f"{name}_change", args=[row.pk]), values).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[row.pk]), values).status_code == 403
    assert list(model.objects.values()) == before


def test_the_page_shows_all_that_happened(as_operator, paid):
    put(refund(amount=400, reason="duplicate"))
    html = text_of(as_operator, PAGE, paid.pk)
    event = paid.transitions.get().event_id
    for part in (
        "A &lt;mug&gt;",
        reverse("admin:payments_charge_change", args=[quote("ch_1")]),
        reverse("admin:payments_paymentintent_change", args=[quote("pi_1")]),
        reverse("admin:payments_refund_change", args=[quote("re_1")]),
        reverse("admin:payments_stripeevent_change", args=[event]),
        "4.00 USD",
        "unknown",  # nobody said what the tax is
        "pending → paid",
        "from the shop",
        "duplicate",
    ):
        assert part in html, part
    assert inline_code(html) == []


def test_times_are_shown_with_their_zone(as_operator, paid):
    assert at(1).strftime("%Y-%m-%d %H:%M:%S UTC") in text_of(as_operator, PAGE, paid.pk)
