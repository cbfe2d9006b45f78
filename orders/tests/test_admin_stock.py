"""Stock in the admin: counted with a reason, and given to orders that wait for it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from orders.models import Order, OrderLine, Product
from orders.services.creation import NewLine
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import charge, intent, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def oversold(shop_order: MakeOrder, mug: Product) -> Order:
    """Paid for five mugs, of which there are three."""
    order = shop_order(lines=[NewLine("mugs", 5, 1000, "MUG")])
    put(intent(order="A-1"), charge())
    order.refresh_from_db()
    assert order.oversold
    return order


def stock_page(product: Product) -> str:
    return reverse("admin:orders_product_stock", args=[product.pk])


def serve_page(order: Order) -> str:
    return reverse("admin:orders_order_serve", args=[order.pk])


def told(client: Client, url: str, **data: str) -> str:
    response = client.post(url, data, follow=True)
    return " ".join(str(message) for message in response.context["messages"])


def left(product: Product) -> int | None:
    product.refresh_from_db()
    return product.stock


def test_an_edit_is_audited_with_who_why_and_both_values(as_operator, operator, mug):
    said = told(as_operator, stock_page(mug), stock="12", reason="counted on Friday")
    assert said == "The stock of Mug is 12 now."
    event = AuditEvent.objects.get(action="product.stock")
    assert (event.actor, event.actor_name, event.reason) == (operator, "olive", "counted on Friday")
    assert (event.before, event.after) == ({"stock": 3}, {"stock": 12})
    assert event.target_id == str(mug.pk)
    assert (event.address, bool(event.request_id)) == ("127.0.0.1", True)


@pytest.mark.parametrize("data", [{"stock": "12", "reason": ""}, {"stock": "-1", "reason": "x"}])
def test_an_edit_without_a_reason_or_below_nothing_changes_nothing(as_operator, mug, data):
    assert as_operator.post(stock_page(mug), data).context["form"].errors
    assert left(mug) == 3
    assert not AuditEvent.objects.filter(action="product.stock").exists()


def test_an_auditor_edits_nothing(as_auditor, mug, oversold):
    for url in (stock_page(mug), serve_page(oversold)):
        assert as_auditor.post(url, {"stock": "12", "reason": "x"}).status_code == 403
    assert left(mug) == 3
    assert OrderLine.objects.get().taken == 0


def test_the_page_is_no_way_around_the_service(as_operator, mug):
    """Not by the form of the product itself either: it has no field that can be written."""
    url = reverse("admin:orders_product_change", args=[mug.pk])
    assert as_operator.post(url, {"stock": "99", "name": "Cup"}).status_code == 403
    mug.refresh_from_db()
    assert (mug.stock, mug.name) == (3, "Mug")


def test_new_stock_serves_who_waited_and_says_so(as_operator, mug, oversold):
    assert "served from it first" in as_operator.get(stock_page(mug)).content.decode()
    said = told(as_operator, stock_page(mug), stock="7", reason="delivery")
    assert said == ("The stock of Mug is 2 now. Served first, because they waited for it: A-1.")
    oversold.refresh_from_db()
    assert (left(mug), oversold.oversold) == (2, False)


def test_an_oversold_order_takes_what_has_come_by_another_way(as_operator, mug, oversold):
    order_page = as_operator.get(oversold.get_absolute_url()).content.decode()
    assert serve_page(oversold) in order_page
    Product.objects.update(stock=4)  # another order gave one back
    assert "still waits" in told(as_operator, serve_page(oversold), reason="one came back")
    assert left(mug) == 4
    Product.objects.update(stock=5)
    said = told(as_operator, serve_page(oversold), reason="two came back")
    assert said == "Order A-1 has all that it needs now."
    assert (left(mug), OrderLine.objects.get().taken) == (0, 5)
    event = AuditEvent.objects.get(action="order.served")
    assert (event.reason, event.actor_name) == ("two came back", "olive")
    assert "not possible" in told(as_operator, serve_page(oversold), reason="again")
    assert left(mug) == 0
