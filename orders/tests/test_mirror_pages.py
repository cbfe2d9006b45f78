"""A page of what Stripe reports leads to the order that it belongs to."""

from __future__ import annotations

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from orders.tests.mirror import balance_transaction, charge, intent, put, refund, session
from payments.models import Coupon, MirrorObject

pytestmark = pytest.mark.django_db


def page_of(client: Client, row: MirrorObject) -> str:
    name = f"admin:payments_{type(row).__name__.lower()}_change"
    return client.get(reverse(name, args=[quote(str(row.pk))])).content.decode()


def test_everything_about_a_payment_leads_to_its_order(shop_order, as_auditor):
    order = shop_order()
    rows = [
        intent(order="A-1"),
        charge(),
        refund(),
        session(),
        balance_transaction("txn_1", source="re_1"),
    ]
    put(*rows)
    link = f'<a href="{reverse("admin:orders_order_change", args=[order.pk])}">A-1</a>'
    for row in rows:
        assert link in page_of(as_auditor, row), row


def test_what_belongs_to_no_order_names_none(shop_order, as_auditor):
    """A coupon's id may look like the beginning of a number."""
    shop_order()
    put(coupon := Coupon(id="A", as_of=intent().as_of, created=intent().created, livemode=False))
    assert "<caption>Orders</caption>" not in page_of(as_auditor, coupon)


def test_whoever_may_not_see_orders_sees_none(shop_order, client):
    shop_order()
    put(row := intent(order="A-1"))
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_paymentintent"))
    assert not clerk.groups.filter(pk__in=Group.objects.all()).exists()
    client.force_login(clerk)
    text = page_of(client, row)
    assert "pi_1" in text
    assert "A-1</a>" not in text
