"""People ask for refunds while Stripe's events move the same orders: nobody deadlocks, nothing is
given back twice."""

from __future__ import annotations

from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from orders.models import Order, OrderLine, Product, RefundedLine
from orders.services.creation import NewLine, NewOrder, create_order
from orders.services.handling import fulfil_order
from orders.services.refunding import Ask, Returned, record_asks
from orders.services.returning import RestockImpossible, restock_returned
from orders.services.settlement import settle
from orders.tests.mirror import at, changed, charge, intent, put, refund
from orders.tests.test_races import at_once
from payments.models import Refundable, RefundRequest
from payments.refund_requests import RefundImpossible, Wish, link_refunds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"


def paid(n: int, quantity: int = 3) -> Order:
    """An order of mugs for 10.00 USD that ``ch_n`` has paid."""
    order = create_order(
        NewOrder(f"A-{n}", "usd", 1000, lines=[NewLine("mug", quantity, 1000, "MUG")]),
        source=Order.Source.SHOP,
        reason="from the shop",
        now=at(-10),
    )
    put(
        intent(f"pi_{n}", order=f"A-{n}"),
        charge(f"ch_{n}", payment_intent_id=f"pi_{n}"),
    )
    return order


def batch(*rows: Any) -> Any:
    """A worker's batch, as ``payments.processing`` does it: mirror, requests, orders."""

    def work(barrier: Barrier) -> None:
        barrier.wait()
        with transaction.atomic():
            changes = changed(rows)
            link_refunds(changes)
            settle(changes)

    return work


@pytest.mark.parametrize("again", range(3))
def test_asking_while_batches_change_the_same_charges_and_orders_deadlocks_nobody(
    again: int,
) -> None:
    Product.objects.create(sku="MUG", name="Mug", stock=100, created_at=at(0))
    orders = [paid(n) for n in range(3)]

    def ask(turn: int) -> Any:
        def work(barrier: Barrier) -> bool:
            turned = orders[turn:] + orders[:turn]
            barrier.wait()
            try:
                record_asks(
                    [
                        Ask(
                            order.pk,
                            Wish(uuid4(), f"ch_{orders.index(order)}", 300),
                            [Returned(order.lines.get().pk, 1, True)],
                        )
                        for order in turned
                    ]
                )
            except RefundImpossible:
                return False
            return True

        return work

    done = at_once(
        *(ask(turn % 3) for turn in range(4)),
        *(
            batch(
                refund(f"re_{n}", amount=100, charge_id=f"ch_{n}", succeeded_at=at(60 + n)),
                charge(f"ch_{n}", payment_intent_id=f"pi_{n}", amount_refunded=100),
            )
            for n in range(3)
        ),
    )
    assert sum(bool(one) for one in done) == 3  # the fourth would be too much
    assert {row.left_minor for row in Refundable.objects.all()} == {0}
    assert set(Order.objects.values_list("refunded_minor", flat=True)) == {100}
    assert RefundedLine.objects.count() == 9


@pytest.mark.parametrize("again", range(3))
def test_a_refund_that_two_batches_bring_at_once_restocks_once(again: int) -> None:
    mug = Product.objects.create(sku="MUG", name="Mug", stock=5, created_at=at(0))
    order = paid(1)
    [request] = record_asks(
        [Ask(order.pk, Wish(uuid4(), "ch_1", 400), [Returned(order.lines.get().pk, 2, True)])]
    )
    metadata = {"refund_request": str(request.pk)}
    pending = refund("re_1", amount=400, status="pending", metadata=metadata)
    batch(pending)(Barrier(1))
    succeeded = {"amount": 400, "metadata": metadata}
    at_once(
        batch(refund("re_1", **succeeded)),
        batch(charge("ch_1", payment_intent_id="pi_1", amount_refunded=400)),
        batch(intent("pi_1", order="A-1", description="again")),
    )
    mug.refresh_from_db()
    assert (mug.stock, OrderLine.objects.get().taken) == (4, 1)
    assert RefundRequest.objects.get().status == "made"


def test_eight_people_who_restock_the_same_goods_restock_them_once() -> None:
    mug = Product.objects.create(sku="MUG", name="Mug", stock=3, created_at=at(0))
    order = paid(1)
    fulfil_order(order.pk, reason="sent", now=at(30))
    put(refund("re_1", charge_id="ch_1"))
    line = order.lines.get()

    def work(barrier: Barrier) -> bool:
        barrier.wait()
        try:
            restock_returned(order.pk, {line.pk: 2}, seen={line.pk: 3}, reason="by post")
        except RestockImpossible:
            return False
        return True

    assert sorted(map(bool, at_once(*[work] * 8))) == [False] * 7 + [True]
    mug.refresh_from_db()
    line.refresh_from_db()
    assert (mug.stock, line.taken, line.returned) == (2, 1, 2)
