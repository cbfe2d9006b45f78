"""The state machine, in the service and in the database."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from orders.models import Order, OrderTransition
from orders.services.handling import ReasonMissing, act, cancel_order, fulfil_order
from orders.services.locking import lock_orders
from orders.services.transitions import IllegalTransition, Move, move_all
from orders.states import ALLOWED, PEOPLE_MAY, OrderStatus
from orders.tests.conftest import MakeOrder, enforce
from orders.tests.mirror import at, charge, event_of, intent, put

pytestmark = pytest.mark.django_db

PAIRS = [(old, new) for old in OrderStatus for new in OrderStatus if old != new]
LEGAL = [(old, new) for old, new in PAIRS if new in ALLOWED[old]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]
PATHS = {
    OrderStatus.PENDING: [],
    OrderStatus.PAID: [OrderStatus.PAID],
    OrderStatus.FULFILLED: [OrderStatus.PAID, OrderStatus.FULFILLED],
    OrderStatus.CANCELED: [OrderStatus.CANCELED],
}


def move(order: Order, *path: OrderStatus) -> None:
    move_all([Move(order, to, at=at(5), reason="a test") for to in path])


@pytest.fixture
def order_in(shop_order: MakeOrder):
    def make(status: OrderStatus) -> Order:
        order = lock_orders([shop_order(f"in {status}").pk]).popitem()[1]
        move(order, *PATHS[status])
        enforce()
        return order

    return make


def set_status(order: Order, status: OrderStatus) -> None:
    """What somebody with SQL would do, times included."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_order
            SET status = %s, paid_at = now(), fulfilled_at = now(), canceled_at = now()
            WHERE id = %s
            """,
            [status, order.pk],
        )


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_legal_move_is_made_recorded_and_audited(order_in, old, new):
    order = order_in(old)
    move(order, new)
    enforce()
    order.refresh_from_db()
    last = order.transitions.latest("id")
    audited = AuditEvent.objects.filter(action=f"order.{new}").latest("id")
    assert order.status == new
    assert (last.from_status, last.to_status, last.reason) == (old, new, "a test")
    assert (audited.before["status"], audited.after["status"]) == (old, new)


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_illegal_move_is_refused_by_the_service_and_changes_nothing(order_in, old, new):
    order = order_in(old)
    before = OrderTransition.objects.count(), AuditEvent.objects.count()
    with pytest.raises(IllegalTransition):
        move(order, new)
    order.refresh_from_db()
    assert order.status == old
    assert (OrderTransition.objects.count(), AuditEvent.objects.count()) == before


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_illegal_move_is_refused_by_the_database(order_in, old, new):
    order = order_in(old)
    refusal = f"an order can't move from {old} to {new}"
    with pytest.raises(ProgrammingError, match=refusal), transaction.atomic():
        set_status(order, new)
    order.refresh_from_db()
    assert order.status == old


@pytest.mark.parametrize("status", OrderStatus)
def test_a_move_to_where_the_order_is_is_refused(order_in, status):
    with pytest.raises(IllegalTransition):
        move(order_in(status), status)


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_a_legal_move_without_its_transition_row_is_refused_at_commit(order_in, old, new):
    order = order_in(old)

    def commit() -> None:
        with transaction.atomic():
            set_status(order, new)
            enforce()

    with pytest.raises(ProgrammingError, match="without its transition row"):
        commit()


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_the_row_of_another_move_or_order_is_no_record_of_a_move(order_in, shop_order, old, new):
    order, other = order_in(old), shop_order("another")

    def commit() -> None:
        with transaction.atomic():
            for whose, source, target in ((other, old, new), (order, new, old), (order, old, old)):
                OrderTransition.objects.create(
                    order=whose,
                    from_status=source,
                    to_status=target,
                    at=at(5),
                    recorded_at=at(5),
                    reason="a test",
                )
            set_status(order, new)
            enforce()

    with pytest.raises(ProgrammingError, match="without its transition row"):
        commit()
    order.refresh_from_db()
    assert order.status == old


@pytest.mark.parametrize(("old", "new"), [(old, new) for old in OrderStatus for new in OrderStatus])
def test_people_make_the_moves_that_are_theirs_and_no_other(order_in, old, new):
    """Stripe alone says that an order is paid, or refunded in full."""
    order = order_in(old)
    if new in PEOPLE_MAY[old]:
        assert act(order.pk, new, "a test", at(9)).status == new
        return
    with pytest.raises(IllegalTransition):
        act(order.pk, new, "a test", at(9))
    order.refresh_from_db()
    assert order.status == old


@pytest.mark.parametrize("status", [s for s in OrderStatus if s != OrderStatus.PENDING])
def test_an_order_can_only_be_inserted_pending(status):
    with pytest.raises(ProgrammingError, match="starts pending"), transaction.atomic():
        Order.objects.create(
            number="x",
            status=status,
            source="admin",
            currency="usd",
            total_minor=1,
            placed_at=at(0),
            paid_at=at(0),
            fulfilled_at=at(0),
            canceled_at=at(0),
            created_at=at(0),
        )


@pytest.mark.parametrize("word", ["cance" + "lled", "refunded", "PAID", ""])
def test_no_other_word_can_be_stored_as_status(shop_order, word):
    order = shop_order()
    with pytest.raises(DatabaseError), transaction.atomic():
        set_status(order, word)


def test_an_order_cant_be_deleted(shop_order):
    order = shop_order()
    with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
        order.delete()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders_ordertransition SET reason = 'another'",
        "DELETE FROM orders_ordertransition",
        "TRUNCATE orders_ordertransition",
    ],
)
def test_the_history_cant_be_rewritten(order_in, sql):
    order_in(OrderStatus.PAID)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_transition_without_cause_is_refused(shop_order):
    order = lock_orders([shop_order().pk]).popitem()[1]
    with pytest.raises(IntegrityError, match="has_cause"), transaction.atomic():
        move_all([Move(order, OrderStatus.CANCELED, at=at(1))])


def test_a_transition_by_stripe_names_its_event(shop_order):
    order = lock_orders([shop_order().pk]).popitem()[1]
    event = event_of(intent())
    move_all([Move(order, OrderStatus.PAID, at=at(1), event_id=event.pk)])
    assert order.transitions.get().event == event


def test_moves_of_many_orders_take_as_many_statements_as_of_one(
    shop_order, django_assert_num_queries
):
    ids = [shop_order(f"N-{number}").pk for number in range(40)]
    orders = list(lock_orders(ids).values())
    with django_assert_num_queries(4):  # two steps, transitions, audit
        move_all(
            [
                Move(order, to, at=at(5), reason="a test")
                for order in orders
                for to in (OrderStatus.PAID, OrderStatus.FULFILLED)
            ]
        )
    enforce()
    assert Order.objects.filter(status=OrderStatus.FULFILLED).count() == 40
    assert OrderTransition.objects.count() == 80


def test_one_illegal_move_among_many_leaves_all_as_they_were(shop_order):
    orders = list(lock_orders([shop_order("N-1").pk, shop_order("N-2").pk]).values())
    with pytest.raises(IllegalTransition):
        move_all(
            [
                Move(orders[0], OrderStatus.PAID, at=at(1), reason="a test"),
                Move(orders[1], OrderStatus.FULFILLED, at=at(1), reason="a test"),
            ]
        )
    assert set(Order.objects.values_list("status", flat=True)) == {"pending"}


def test_fulfilling_names_who_did_it_and_why(shop_order, operator):
    order = shop_order()
    put(intent(order="A-1"), charge())
    with acting_as(Actor("olive", operator)):
        fulfil_order(order.pk, reason=" parcel 7 ", now=at(90))
    order.refresh_from_db()
    last = order.transitions.latest("id")
    assert (order.status, order.fulfilled_at) == ("fulfilled", at(90))
    assert (last.actor, last.reason, last.event) == (operator, "parcel 7", None)
    assert AuditEvent.objects.get(action="order.fulfilled").actor == operator


def test_canceling_a_pending_order(shop_order, heard):
    order = cancel_order(shop_order().pk, reason="asked for", now=at(3))
    assert (order.status, order.canceled_at, order.paid_at) == ("canceled", at(3), None)
    assert [(c.before and c.before.status, c.after.status) for c in heard] == [
        (None, "pending"),
        ("pending", "canceled"),
    ]


def test_canceling_a_paid_order_is_refused_because_its_money_must_go_back_first(shop_order):
    order = shop_order()
    put(intent(order="A-1"), charge())
    with pytest.raises(IllegalTransition):
        cancel_order(order.pk, reason="asked for")
    order.refresh_from_db()
    assert order.status == "paid"


@pytest.mark.parametrize("deed", [fulfil_order, cancel_order])
def test_acting_without_a_reason_or_on_nothing_is_refused(shop_order, deed):
    order = shop_order()
    with pytest.raises(ReasonMissing):
        deed(order.pk, reason="  ")
    with pytest.raises(Order.DoesNotExist):
        deed(order.pk + 1, reason="why not")
    assert not OrderTransition.objects.exists()
