"""What the tests of orders share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from orders import changes
from orders.changes import OrderChange
from orders.models import Order, Product
from orders.services.creation import NewLine, NewOrder, create_order
from orders.tests.mirror import at, charge, intent, put
from payments.tests.conftest import standin

__all__ = ["standin"]

MakeOrder = Callable[..., Order]


@pytest.fixture
def shop_order(db: None) -> MakeOrder:
    """Makes an order of the shop: ``shop_order("A-1", total_minor=1000)``."""

    def make(number: str = "A-1", **values: Any) -> Order:
        values.setdefault("currency", "usd")
        values.setdefault("total_minor", 1000)
        values.setdefault("placed_at", at(-10))
        return create_order(
            NewOrder(number=number, **values), source=Order.Source.SHOP, reason="from the shop"
        )

    return make


@pytest.fixture
def mug(db: None) -> Product:
    """A product of Stripe's of which there are three."""
    return Product.objects.create(
        sku="MUG", name="Mug", stripe_product_id="prod_1", stock=3, created_at=at(-100)
    )


@pytest.fixture
def one_mug() -> list[NewLine]:
    return [NewLine("A mug", 1, 1000, sku="MUG")]


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
    """An order of 10.00 USD that ``ch_1`` of ``pi_1`` has paid."""
    order = shop_order(email="ann@example.com", lines=[NewLine("A <mug>", 1, 1000, "MUG")])
    put(intent(order="A-1"), charge())
    order.refresh_from_db()
    return order


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[OrderChange]:
    """All that handlers are told while the test runs."""
    told: list[OrderChange] = []
    monkeypatch.setattr(changes, "_handlers", [told.extend])
    return told


def enforce() -> None:
    """Have the database check now what it would check at commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
