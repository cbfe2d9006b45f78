"""Two workers at once, each blind to what the other hasn't committed yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from orders.models import Customer, Order, OrderLine, OrderPayment, Product
from orders.services import importing
from orders.services.creation import NewLine, NewOrder, OrderExists, create_order
from orders.services.customers import Buyer, Wanted, settle_customers
from orders.services.import_file import Parsed
from orders.services.importing import import_orders
from orders.services.settlement import settle
from orders.services.stock import adjust_stock
from orders.services.waiting import settle_waiting
from orders.tests.mirror import at, changed, charge, intent, line, put, refund, session
from payments.models import Customer as StripeCustomer
from payments.models import MirrorObject

pytestmark = pytest.mark.django_db(transaction=True)

LOCK_LIMIT = "20s"
Rows = Sequence[MirrorObject]


def at_once(*works: Callable[[Barrier], object]) -> list[object]:
    """Run the works in threads of their own; raises what one of them raises."""
    barrier = Barrier(len(works), timeout=30)

    def run(work: Callable[[Barrier], object]) -> object:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{LOCK_LIMIT}'")
            return work(barrier)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(run, work) for work in works]]


def batch(*rows: MirrorObject) -> Callable[[Barrier], None]:
    """A worker's batch: it has written its part of the mirror when the other settles."""

    def work(barrier: Barrier) -> None:
        with transaction.atomic():
            changes = changed(rows)
            barrier.wait()
            settle(changes)

    return work


def make(number: str, lines: Sequence[NewLine] = ()) -> Order:
    return create_order(
        NewOrder(number, "usd", 1000, lines=lines, placed_at=at(-10)),
        source=Order.Source.SHOP,
        reason="from the shop",
    )


def payment(number: str, n: int) -> Rows:
    return intent(f"pi_{n}", order=number), charge(f"ch_{n}", payment_intent_id=f"pi_{n}")


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(sku="MUG", name="Mug", stock=1, created_at=at(-100))


@pytest.fixture(params=range(3))
def again(request: pytest.FixtureRequest) -> int:
    """Several times, because a race may be won by chance."""
    return int(request.param)


def test_the_last_unit_is_sold_once(mug, again):
    for n in (1, 2):
        make(f"A-{n}", [NewLine("mug", 1, 1000, "MUG")])
    at_once(batch(*payment("A-1", 1)), batch(*payment("A-2", 2)))
    mug.refresh_from_db()
    assert mug.stock == 0
    assert sorted(OrderLine.objects.values_list("taken", flat=True)) == [0, 1]
    assert sorted(Order.objects.values_list("status", "oversold")) == [
        ("paid", False),
        ("paid", True),
    ]


def test_eight_writers_on_three_products_neither_oversell_nor_deadlock():
    skus = ["MUG", "PEN", "CAP"]
    for sku in skus:
        Product.objects.create(sku=sku, name=sku, stock=5, created_at=at(0))
    works = []
    for n in range(8):
        turned = skus[n % 3 :] + skus[: n % 3]
        make(f"A-{n}", [NewLine(sku, 1, 300, sku) for sku in (turned if n % 2 else turned[::-1])])
        works.append(batch(*payment(f"A-{n}", n)))
    at_once(*works)
    assert dict(Product.objects.values_list("sku", "stock")) == {"MUG": 0, "PEN": 0, "CAP": 0}
    assert sum(OrderLine.objects.values_list("taken", flat=True)) == 15
    assert Order.objects.filter(status="paid").count() == 8
    assert Order.objects.filter(oversold=True).count() >= 3


def test_selling_and_counting_at_once_loses_neither(mug):
    make("A-1", [NewLine("mug", 1, 1000, "MUG")])

    def count(barrier: Barrier) -> None:
        barrier.wait()
        adjust_stock(mug.pk, 10, reason="counted")

    at_once(batch(*payment("A-1", 1)), count)
    mug.refresh_from_db()
    assert mug.stock in (9, 10)  # sold after the count, or before it
    assert OrderLine.objects.get().taken == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: [intent(), session()], lambda: [charge()]),
        (lambda: [intent()], lambda: [session(), charge()]),
        (lambda: [intent(), charge()], lambda: [session()]),
    ],
)
def test_the_parts_of_a_payment_in_two_batches_find_each_other(one, other, again):
    at_once(batch(*one()), batch(*other()))
    order = Order.objects.get()
    assert (order.status, order.captured_minor, order.payments.count()) == ("paid", 1000, 1)


def test_a_charge_and_its_refund_in_two_batches_find_each_other(again):
    make("A-1")
    at_once(batch(intent(order="A-1"), charge()), batch(refund(payment_intent_id="pi_1")))
    order = Order.objects.get()
    assert (order.status, order.refund_status) == ("canceled", "full")


def test_two_payments_of_one_order_at_once_are_both_counted(again):
    make("A-1")
    at_once(batch(*payment("A-1", 1)), batch(*payment("A-1", 2)))
    order = Order.objects.get()
    assert (order.status, order.captured_minor, order.payments.count()) == ("paid", 2000, 2)
    assert order.transitions.count() == 1


def test_an_order_and_the_payment_that_names_it_at_once_find_each_other(again):
    def shop(barrier: Barrier) -> None:
        barrier.wait()
        make("A-1")

    at_once(batch(*payment("A-1", 1)), shop)
    assert Order.objects.get().status == "paid"


def test_one_number_is_given_to_one_order():
    def shop(barrier: Barrier) -> bool:
        barrier.wait()
        try:
            make("A-1")
        except OrderExists:
            return False
        return True

    assert sorted(map(bool, at_once(shop, shop))) == [False, True]
    assert Order.objects.count() == 1


def test_a_buyer_and_a_product_that_two_batches_need_are_made_once(again):
    def rows(n: int) -> Rows:
        return (
            intent(f"pi_{n}", customer_id="cus_1"),
            session(f"cs_{n}", payment_intent_id=f"pi_{n}", line_items=[line("prod_9")]),
            intent(f"pi_g{n}", receipt_email="ann@example.com"),
            session(f"cs_g{n}", payment_intent_id=f"pi_g{n}", line_items=[line("prod_8")]),
        )

    at_once(batch(*rows(1)), batch(*rows(2)))
    assert Order.objects.count() == 4
    assert Customer.objects.count() == 2
    assert Product.objects.count() == 2
    assert {order.customer_id for order in Order.objects.all()} == set(
        Customer.objects.values_list("pk", flat=True)
    )


def test_a_session_that_comes_while_its_waiting_ends_makes_one_order(again):
    put(intent(), charge())

    def tick(barrier: Barrier) -> None:
        barrier.wait()
        settle_waiting(at(1000))

    at_once(batch(session(amount_tax=160)), tick)
    order = Order.objects.get()
    assert (order.status, order.tax_minor) == ("paid", 160)
    assert OrderPayment.objects.count() == 1


def test_many_payments_that_waited_are_made_once_by_two_workers():
    put(*(intent(f"pi_{n}") for n in range(20)))

    def tick(barrier: Barrier) -> int:
        barrier.wait()
        return settle_waiting(at(1000))

    made = at_once(tick, tick)
    assert Order.objects.count() == 20
    assert sum(int(str(number)) for number in made) == 20


def test_a_guest_and_the_customer_with_the_same_address_find_each_other():
    """Neither sees the other's row: whoever comes second waits for the first."""

    def guest(barrier: Barrier) -> None:
        with transaction.atomic():
            create_order(
                NewOrder("A-1", "usd", 1000, email="ann@example.com", placed_at=at(-10)),
                source=Order.Source.SHOP,
                reason="from the shop",
            )
            barrier.wait()
            time.sleep(0.3)  # long enough for the other to be done, if it didn't wait

    ann = StripeCustomer(id="cus_1", email="ann@example.com", livemode=False, as_of=at(0))
    at_once(guest, batch(ann))
    known = Customer.objects.get(stripe_customer="cus_1")
    assert Customer.objects.get(stripe_customer=None).same_as == known


@pytest.mark.parametrize("emails", [("a@b.c", "b@b.c"), ("b@b.c", "a@b.c")])
def test_a_file_of_orders_beside_new_buyers_deadlocks_nobody(emails, monkeypatch):
    """The file comes to one buyer after the other, a batch to both at once."""
    monkeypatch.setattr(importing.in_batches, "__defaults__", (1,))

    def file(barrier: Barrier) -> None:
        def orders() -> Iterator[Parsed]:
            for n, email in enumerate(emails):
                new = NewOrder(f"F-{n}", "usd", 1000, email=email, placed_at=at(-10))
                yield Parsed(n, new.number, new)
                if not n:
                    barrier.wait()
                    time.sleep(0.3)

        import_orders(orders(), reason="imported")

    def buyers(barrier: Barrier) -> None:
        barrier.wait()
        with transaction.atomic():
            settle_customers([Wanted(Buyer("", email), at(-10)) for email in emails], {})

    at_once(file, buyers)
    assert Order.objects.count() == Customer.objects.count() == 2


def test_a_number_that_a_file_takes_meanwhile_is_told_as_taken():
    """Who waits for the file's buyers looked for the number before it was there."""

    def file(barrier: Barrier) -> None:
        def orders() -> Iterator[Parsed]:
            new = NewOrder("A-1", "usd", 1000, email="a@b.c", placed_at=at(-10))
            yield Parsed(1, new.number, new)
            barrier.wait()
            time.sleep(0.3)

        import_orders(orders(), reason="imported")

    def shop(barrier: Barrier) -> None:
        barrier.wait()
        with pytest.raises(OrderExists):
            create_order(
                NewOrder("A-1", "usd", 1000, email="b@b.c"),
                source=Order.Source.SHOP,
                reason="from the shop",
            )

    at_once(file, shop)
    assert Order.objects.get().source == Order.Source.IMPORT
