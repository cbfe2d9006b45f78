"""Eight workers that sell, two people who count: nothing is lost, doubled or stuck."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
from django.db.models import F, Q, Sum

from auditlog.models import AuditEvent
from monitoring.models import Issue
from monitoring.services.runs import run_checks
from orders.models import Order, OrderLine, Product
from orders.services.creation import NewLine
from orders.services.stock import adjust_stock
from orders.tests.mirror import at, charge, intent, put
from orders.tests.test_races import at_once, make
from payments.models import MirrorObject

pytestmark = pytest.mark.django_db(transaction=True)

SKUS = ("MUG", "PEN", "CAP")
STOCK = 20
WRITERS, BATCHES, ORDERS_A_BATCH = 8, 3, 3


@pytest.fixture
def products() -> list[Product]:
    return [
        Product.objects.create(sku=sku, name=sku, stock=STOCK, created_at=at(0)) for sku in SKUS
    ]


def sales(writer: int, chance: random.Random) -> list[list[MirrorObject]]:
    """The batches of events by which one worker hears that its orders were paid."""
    batches = []
    for batch in range(BATCHES):
        rows: list[MirrorObject] = []
        for n in range(ORDERS_A_BATCH):
            number = f"{writer}-{batch}-{n}"
            skus = chance.sample(SKUS, k=3)
            make(number, [NewLine(sku, chance.randint(1, 2), 300, sku) for sku in skus])
            key = number.replace("-", "_")
            rows.append(intent(f"pi_{key}", order=number))
            rows.append(charge(f"ch_{key}", payment_intent_id=f"pi_{key}"))
        chance.shuffle(rows)
        batches.append(rows)
    return batches


def seller(batches: list[list[MirrorObject]]) -> Callable[[Barrier], None]:
    def work(barrier: Barrier) -> None:
        barrier.wait()
        for rows in batches:
            put(*rows)

    return work


def counter(products: list[Product], chance: random.Random) -> Callable[[Barrier], None]:
    """Somebody who counts the shelves while everybody sells."""
    edits = [(chance.choice(products).pk, chance.choice((0, 3, 8, 15))) for _ in range(10)]

    def work(barrier: Barrier) -> None:
        barrier.wait()
        for pk, stock in edits:
            adjust_stock(pk, stock, reason="counted")

    return work


def edited(product: Product) -> int:
    """By how much people changed the stock, as the audit log has it."""
    edits = AuditEvent.objects.filter(action="product.stock", target_id=str(product.pk))
    return sum(edit.after["stock"] - edit.before["stock"] for edit in edits)


def sold(product: Product) -> int:
    units: int = OrderLine.objects.filter(product=product).aggregate(sum=Sum("taken"))["sum"]
    return units


def lacking() -> set[str]:
    """The orders that haven't got all that they were paid for."""
    lines = OrderLine.objects.filter(~Q(taken=F("quantity")))
    return set(lines.values_list("order__number", flat=True))


def waiting() -> set[str]:
    return set(Order.objects.filter(oversold=True).values_list("number", flat=True))


def issues(status: str) -> set[str]:
    run = run_checks(["oversold_order"])
    assert not run.crashed
    ids: Any = Issue.objects.filter(status=status).values_list("subject_id", flat=True)
    return set(Order.objects.filter(pk__in=list(ids)).values_list("number", flat=True))


@pytest.mark.parametrize("seed", range(2))
def test_eight_sell_three_products_while_two_count_and_everything_adds_up(products, seed):
    chance = random.Random(seed)
    works = [seller(sales(writer, chance)) for writer in range(WRITERS)]
    works += [counter(products, chance) for _ in range(2)]
    at_once(*works)

    everything = WRITERS * BATCHES * ORDERS_A_BATCH
    assert Order.objects.filter(status="paid", stock_settled=True).count() == everything
    for product in products:
        product.refresh_from_db()
        assert product.stock is not None
        assert product.stock >= 0
        assert sold(product) + product.stock == STOCK + edited(product)
    assert not OrderLine.objects.filter(~Q(taken=0), ~Q(taken=F("quantity"))).exists()
    assert lacking()  # there was less than was sold
    assert waiting() == lacking() == issues("open")

    for product in products:
        adjust_stock(product.pk, 1_000, reason="a lorry came")
    assert waiting() == lacking() == set()
    assert issues("open") == set()
    for product in products:
        product.refresh_from_db()
        assert sold(product) + (product.stock or 0) == STOCK + edited(product)
