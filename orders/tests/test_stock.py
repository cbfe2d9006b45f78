"""Stock: taken when paid, given back by policy, counted by people."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from orders.models import Order, OrderLine, Product
from orders.services.creation import NewLine
from orders.services.handling import fulfil_order
from orders.services.stock import BadStock, adjust_stock, serve_oversold
from orders.tests.mirror import at, charge, intent, put, refund

pytestmark = pytest.mark.django_db


def pay(number: str, n: int = 1, minute: float = 1):
    put(
        intent(f"pi_{n}", order=number),
        charge(f"ch_{n}", payment_intent_id=f"pi_{n}", captured_at=at(minute)),
    )


def taken() -> list[tuple[str, int]]:
    return list(
        OrderLine.objects.order_by("order_id", "position").values_list("order__number", "taken")
    )


def left(product: Product) -> int | None:
    product.refresh_from_db()
    return product.stock


def test_a_pending_order_takes_nothing(shop_order, mug, one_mug):
    shop_order(lines=one_mug)
    assert (left(mug), taken()) == (3, [("A-1", 0)])


def test_stock_is_taken_once_however_often_the_order_is_settled(shop_order, mug, one_mug):
    shop_order(lines=one_mug)
    for _ in range(2):
        pay("A-1")
        put(refund(amount=1), charge(captured_at=at(1), email="x@example.com"))
    assert (left(mug), taken()) == (2, [("A-1", 1)])


def test_a_line_that_cant_be_served_takes_nothing_and_flags_the_order(shop_order, mug):
    shop_order(
        lines=[
            NewLine("four", 4, 500, "MUG"),
            NewLine("two", 2, 250, "MUG"),
            NewLine("two", 2, 250, "MUG"),
        ]
    )
    pay("A-1")
    order = Order.objects.get()
    assert (order.status, order.oversold, left(mug)) == ("paid", True, 1)
    assert taken() == [("A-1", 0), ("A-1", 2), ("A-1", 0)]


def oversell(shop_order, number: str = "A-1", quantity: int = 4, n: int = 1, minute: float = 1):
    """An order of more mugs than there are, paid."""
    order = shop_order(number, lines=[NewLine("mugs", quantity, 1000, "MUG")])
    pay(number, n, minute)
    order.refresh_from_db()
    assert order.oversold
    return order


def test_counting_new_stock_serves_the_order_that_waits(shop_order, mug, operator, heard):
    order = oversell(shop_order)
    heard.clear()
    with acting_as(Actor("olive", operator)):
        adjusted = adjust_stock(mug.pk, 10, reason="delivery")
    order.refresh_from_db()
    assert (left(mug), taken(), order.oversold) == (6, [("A-1", 4)], False)
    assert (adjusted.product.stock, adjusted.served) == (6, [order])
    counted, served = AuditEvent.objects.order_by("-id")[:2][::-1]
    assert (counted.action, counted.before, counted.after) == (
        "product.stock",
        {"stock": 3},
        {"stock": 10},
    )
    assert (served.action, served.actor, served.reason) == ("order.served", operator, "delivery")
    assert served.before == {"oversold": True}
    assert served.after == {"oversold": False, "taken": [{"sku": "MUG", "quantity": 4}]}
    [change] = heard
    assert (change.before.oversold, change.after.oversold) == (True, False)


def test_those_that_wait_are_served_as_they_paid_and_none_in_part(shop_order, mug):
    oversell(shop_order, "LAST", 4, 1, minute=30)
    oversell(shop_order, "FIRST", 4, 2, minute=10)
    oversell(shop_order, "SECOND", 5, 3, minute=20)
    adjusted = adjust_stock(mug.pk, 8, reason="delivery")
    assert [order.number for order in adjusted.served] == ["FIRST", "LAST"]
    assert (left(mug), taken()) == (0, [("LAST", 4), ("FIRST", 4), ("SECOND", 0)])


def test_too_little_new_stock_serves_nobody(shop_order, mug):
    order = oversell(shop_order)
    assert adjust_stock(mug.pk, 2, reason="recount").served == []
    order.refresh_from_db()
    assert (left(mug), taken(), order.oversold) == (2, [("A-1", 0)], True)
    assert not AuditEvent.objects.filter(action="order.served").exists()


def test_an_order_that_lacks_two_products_waits_for_both(shop_order, mug):
    pen = Product.objects.create(sku="PEN", name="Pen", stock=0, created_at=at(-100))
    order = shop_order(lines=[NewLine("mug", 4, 500, "MUG"), NewLine("pen", 1, 500, "PEN")])
    pay("A-1")
    assert adjust_stock(mug.pk, 5, reason="delivery").served == []
    order.refresh_from_db()
    assert (taken(), order.oversold) == ([("A-1", 4), ("A-1", 0)], True)
    assert adjust_stock(pen.pk, 1, reason="delivery").served == [order]
    assert (left(mug), left(pen), taken()) == (1, 0, [("A-1", 4), ("A-1", 1)])


def test_an_order_waits_no_more_for_what_nobody_counts(shop_order, mug):
    order = oversell(shop_order)
    assert adjust_stock(mug.pk, None, reason="made to order now").served == [order]
    assert (left(mug), taken()) == (None, [("A-1", 0)])


def test_an_order_that_was_canceled_or_sent_is_not_served_later(shop_order, mug):
    oversell(shop_order, "CANCELED")
    put(refund())
    fulfil_order(oversell(shop_order, "SENT", n=2).pk, reason="from the other shop")
    assert adjust_stock(mug.pk, 10, reason="delivery").served == []
    assert left(mug) == 10


def test_what_was_given_back_can_be_given_to_an_order_that_waits(shop_order, mug, one_mug):
    shop_order("A-1", lines=one_mug)
    pay("A-1")
    waiting = oversell(shop_order, "A-2", 3, n=2)
    put(refund(), charge(captured_at=at(1), amount_refunded=1000))
    assert left(mug) == 3
    assert serve_oversold([waiting.pk], reason="A-1 was canceled") == [waiting]
    waiting.refresh_from_db()
    assert (left(mug), waiting.oversold) == (0, False)
    assert serve_oversold([waiting.pk], reason="again") == []
    assert left(mug) == 0


def test_serving_says_why(shop_order, mug):
    with pytest.raises(BadStock):
        serve_oversold([oversell(shop_order).pk], reason=" ")


def test_serving_many_costs_as_many_statements_as_serving_one(shop_order, mug, queries):
    def asked(first: int, last: int) -> int:
        for n in range(first, last):
            oversell(shop_order, f"A-{n}", 50, n)
        with queries() as asked:
            assert len(adjust_stock(mug.pk, 50 * (last - first), reason="x").served) == last - first
        return len(asked)

    assert asked(1, 2) == asked(2, 12)


def test_paying_again_for_an_oversold_order_takes_nothing(shop_order, mug):
    oversell(shop_order)
    Product.objects.update(stock=10)
    put(refund(amount=1))
    assert (left(mug), Order.objects.get().oversold) == (10, True)


def test_a_canceled_order_gives_back_what_it_took_and_is_oversold_no_more(shop_order, mug):
    shop_order(lines=[NewLine("four", 4, 500, "MUG"), NewLine("two", 2, 500, "MUG")])
    pay("A-1")
    put(refund())
    order = Order.objects.get()
    assert (order.status, order.oversold, left(mug)) == ("canceled", False, 3)
    assert taken() == [("A-1", 0), ("A-1", 0)]


def test_of_one_batch_whoever_paid_first_is_served_first(shop_order, mug):
    adjust_stock(mug.pk, 1, reason="the last one")
    shop_order("LATE", lines=[NewLine("mug", 1, 1000, "MUG")])
    shop_order("EARLY", lines=[NewLine("mug", 1, 1000, "MUG")])
    put(
        intent("pi_1", order="LATE"),
        charge("ch_1", payment_intent_id="pi_1", captured_at=at(9)),
        intent("pi_2", order="EARLY"),
        charge("ch_2", payment_intent_id="pi_2", captured_at=at(3)),
    )
    assert taken() == [("LATE", 0), ("EARLY", 1)]
    assert Order.objects.get(number="LATE").oversold


def test_what_one_order_of_a_batch_gives_back_another_can_have(shop_order, mug):
    adjust_stock(mug.pk, 1, reason="the last one")
    for number in ("A-1", "A-2"):
        shop_order(number, lines=[NewLine("mug", 1, 1000, "MUG")])
    pay("A-1", 1)
    put(refund(), intent("pi_2", order="A-2"), charge("ch_2", payment_intent_id="pi_2"))
    assert taken() == [("A-1", 0), ("A-2", 1)]
    assert not Order.objects.get(number="A-2").oversold


def test_an_order_paid_and_refunded_in_one_batch_leaves_stock_alone(shop_order, mug, one_mug):
    shop_order(lines=one_mug)
    put(intent(order="A-1"), charge(), refund())
    assert (Order.objects.get().status, left(mug), taken()) == ("canceled", 3, [("A-1", 0)])


def test_a_product_that_nobody_counts_is_never_oversold(shop_order):
    shop_order(lines=[NewLine("air", 1000, 1000, "AIR")])
    pay("A-1")
    assert (Order.objects.get().oversold, taken()) == (False, [("A-1", 0)])


def test_counting_a_product_later_takes_nothing_for_orders_that_had_their_turn(shop_order):
    shop_order(lines=[NewLine("air", 2, 1000, "AIR")])
    pay("A-1")
    air = adjust_stock(Product.objects.get(sku="AIR").pk, 5, reason="now counted").product
    put(refund())
    assert (left(air), Order.objects.get().status) == (5, "canceled")


def test_a_line_without_a_product_is_no_obstacle(shop_order):
    shop_order(lines=[NewLine("advice", 1, 1000)])
    pay("A-1")
    assert Order.objects.get().status == "paid"


def test_setting_the_stock_is_audited_with_who_why_and_both_values(mug, operator):
    with acting_as(Actor("olive", operator)):
        adjust_stock(mug.pk, 12, reason=" counted ")
        adjust_stock(mug.pk, None, reason="not ours any more")
    first, second = AuditEvent.objects.filter(action="product.stock").order_by("id")
    assert (first.actor, first.reason) == (operator, "counted")
    assert (first.before, first.after) == ({"stock": 3}, {"stock": 12})
    assert (second.before, second.after) == ({"stock": 12}, {"stock": None})
    assert left(mug) is None


@pytest.mark.parametrize(("stock", "reason"), [(-1, "x"), (2**31, "x"), (1, " ")])
def test_a_stock_that_cant_be_is_refused(mug, stock, reason):
    with pytest.raises(BadStock):
        adjust_stock(mug.pk, stock, reason=reason)
    assert left(mug) == 3
    assert not AuditEvent.objects.filter(action="product.stock").exists()


def test_setting_the_stock_of_nothing_is_refused():
    with pytest.raises(Product.DoesNotExist):
        adjust_stock(1, 1, reason="x")


def test_the_database_refuses_a_negative_stock(mug):
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(pk=mug.pk).update(stock=-1)
