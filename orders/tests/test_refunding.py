"""Refunds of orders that people ask for: by lines, of several charges, in full for many."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from orders.detail import order_detail
from orders.models import Order, OrderLine, Product, RefundedLine
from orders.refunds import refundable_charges, returnable_lines
from orders.services.creation import NewLine
from orders.services.handling import ReasonMissing, fulfil_order
from orders.services.refunding import (
    Ask,
    Returned,
    record_asks,
    refund_in_full,
    refund_order,
    shares,
    suggested,
)
from orders.services.returning import RestockImpossible, restock_returned
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import at, charge, intent, put, refund
from payments import inbox, processing, tasks
from payments.models import RefundRequest, Source
from payments.refund_requests import RefundImpossible, Wish, withdraw
from standin import StandIn

pytestmark = pytest.mark.django_db
MUG = "MUG"


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"


@pytest.fixture
def mugs(shop_order: MakeOrder, mug: Product) -> Order:
    """A paid order of three mugs, 10.00 USD; the shop had four."""
    Product.objects.update(stock=4)
    order = shop_order(lines=[NewLine("A mug", 3, 1000, MUG)])
    put(intent(order="A-1"), charge())
    return fresh(order)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def stock() -> int | None:
    return Product.objects.get().stock


def line_of(order: Order) -> OrderLine:
    return order.lines.get(position=1)


def asked(
    order: Order, amount: int, quantity: int = 0, *, restock: bool = False, charge: str = "ch_1"
) -> RefundRequest:
    """A recorded request, for so many mugs."""
    returned = [Returned(line_of(order).pk, quantity, restock)] if quantity else []
    [request] = record_asks(
        [Ask(order.pk, Wish(uuid4(), charge, amount, note="because"), returned)]
    )
    return request


def happens(request: RefundRequest, key: str = "re_1", **values: Any) -> None:
    """Stripe makes the refund, and we hear of it; the request is settled in the same batch."""
    RefundRequest.objects.filter(pk=request.pk).update(status="made", refund_id=key, next_at=None)
    metadata = {"refund_request": str(request.pk)}
    put(refund(key, amount=request.amount, metadata=metadata, **values))


# Lines and stock


def test_what_is_ticked_goes_back_when_the_refund_succeeds_and_not_before(mugs: Order) -> None:
    request = asked(mugs, 666, 2, restock=True)
    happens(request, status="pending")
    assert (stock(), line_of(mugs).taken) == (1, 3)
    happens(request, status="succeeded")
    assert (stock(), line_of(mugs).taken, line_of(mugs).returned) == (3, 1, 2)
    row = RefundedLine.objects.get()
    assert (row.amount_minor, row.restocked, row.restocked_at is None) == (666, 2, False)
    assert fresh(mugs).status == "paid"


def test_it_goes_back_once_however_often_the_refund_is_heard_of(mugs: Order) -> None:
    request = asked(mugs, 666, 2, restock=True)
    for _ in range(3):
        happens(request)
    put(refund("re_1", amount=666, status="failed"))
    assert (stock(), line_of(mugs).taken) == (3, 1)
    assert AuditEvent.objects.filter(action="order.restocked").count() == 1


def test_what_isnt_ticked_doesnt_go_back(mugs: Order) -> None:
    happens(asked(mugs, 666, 2, restock=False))
    assert (stock(), line_of(mugs).taken) == (1, 3)


def test_a_refund_that_never_succeeds_restocks_nothing_and_frees_its_units(mugs: Order) -> None:
    happens(asked(mugs, 1000, 3, restock=True), status="failed", succeeded_at=None)
    assert (stock(), line_of(mugs).taken) == (1, 3)
    [row] = returnable_lines(mugs)
    assert (row.left, row.restockable) == (3, 3)
    happens(asked(mugs, 1000, 3, restock=True), "re_2")
    assert stock() == 4


def test_a_withdrawn_request_frees_its_units(mugs: Order) -> None:
    request = asked(mugs, 1000, 3, restock=True)
    [row] = returnable_lines(mugs)
    assert (row.left, row.restockable) == (0, 0)
    withdraw(request.pk, reason="by mistake")
    [row] = returnable_lines(mugs)
    assert (row.left, row.restockable) == (3, 3)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_parts_that_add_up_cancel_and_everything_is_back_once(
    mugs: Order, first: int, together: bool
) -> None:
    """One part has lines that go back, the other is an amount: whichever succeeds first."""
    by_line, by_amount = asked(mugs, 400, 1, restock=True), asked(mugs, 600)
    rows = [
        refund("re_1", amount=400, metadata={"refund_request": str(by_line.pk)}),
        refund("re_2", amount=600, metadata={"refund_request": str(by_amount.pk)}),
    ]
    for request, key in ((by_line, "re_1"), (by_amount, "re_2")):
        RefundRequest.objects.filter(pk=request.pk).update(
            status="made", refund_id=key, next_at=None
        )
    if together:
        put(*rows)
    else:
        put(rows[first])
        put(rows[1 - first])
    order = fresh(mugs)
    assert (order.status, stock()) == ("canceled", 4)
    line = line_of(mugs)
    assert (line.taken, line.returned, RefundedLine.objects.get().restocked) == (0, 1, 1)


def test_a_full_refund_after_fulfilment_restocks_what_came_back_alone(mugs: Order) -> None:
    fulfil_order(mugs.pk, reason="sent", now=at(30))
    happens(asked(mugs, 1000, 1, restock=True))
    order = fresh(mugs)
    assert (order.status, order.refund_status, stock()) == ("fulfilled", "full", 2)


def test_more_than_a_line_has_is_refused_by_service_and_database(mugs: Order) -> None:
    asked(mugs, 500, 2, restock=True)
    line = line_of(mugs)
    with pytest.raises(RefundImpossible, match="1 of 3 left"):
        asked(mugs, 100, 2)
    request = asked(mugs, 100)
    with pytest.raises(DatabaseError, match="3 units, and 4"), transaction.atomic():
        RefundedLine.objects.create(request=request, line=line, quantity=2, amount_minor=1)
    OrderLine.objects.filter(pk=line.pk).update(taken=2)
    with pytest.raises(RefundImpossible, match="0 came from it"):
        asked(mugs, 100, 1, restock=True)
    with pytest.raises(DatabaseError, match="2 units from stock, and 3"), transaction.atomic():
        RefundedLine.objects.create(
            request=request, line=line, quantity=1, amount_minor=1, restock=True
        )
    assert RefundRequest.objects.count() == 2


def test_a_restocked_line_stays_so(mugs: Order) -> None:
    happens(asked(mugs, 666, 2, restock=True))
    for change in ({"restocked": 0}, {"restocked_at": None}, {"quantity": 1}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RefundedLine.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        OrderLine.objects.update(taken=2)  # two of three came back


def test_a_line_of_another_order_isnt_refunded(mugs: Order, shop_order: MakeOrder) -> None:
    other = shop_order("A-2", lines=[NewLine("A pen", 1, 100)])
    with pytest.raises(RefundImpossible, match="no such line"):
        record_asks([Ask(mugs.pk, Wish(uuid4(), "ch_1", 1), [Returned(line_of(other).pk, 1)])])
    assert not RefundRequest.objects.exists()


def test_lines_arent_refunded_in_another_currency(mugs: Order) -> None:
    put(
        intent("pi_2", order="A-1", currency="eur"),
        charge("ch_2", payment_intent_id="pi_2", currency="eur"),
    )
    with pytest.raises(RefundImpossible, match="in EUR"):
        asked(mugs, 100, 1, charge="ch_2")
    assert asked(mugs, 100, charge="ch_2").currency == "eur"


def test_the_same_wish_with_lines_is_recorded_once(mugs: Order) -> None:
    ask = Ask(mugs.pk, Wish(uuid4(), "ch_1", 300), [Returned(line_of(mugs).pk, 1, True)])
    assert record_asks([ask]) == record_asks([ask])
    assert RefundedLine.objects.count() == 1
    assert AuditEvent.objects.filter(action="order.refund_asked").count() == 1


@pytest.mark.parametrize(
    ("currency", "total", "quantity", "units"),
    [
        ("usd", 1000, 3, [333, 333, 334]),
        ("jpy", 100, 3, [33, 33, 34]),
        ("isk", 10_000, 3, [3300, 3300, 3400]),
        ("kwd", 10_000, 3, [3330, 3330, 3340]),
        ("usd", -500, 2, [0, 0]),
    ],
)
def test_units_of_a_line_come_to_its_total(
    currency: str, total: int, quantity: int, units: list[int]
) -> None:
    line = OrderLine(quantity=quantity, total_minor=total)
    assert [suggested(line, 1, currency, already=n) for n in range(quantity)] == units
    assert suggested(line, quantity, currency) == sum(units)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [(100, [1, 1, 1], [33, 33, 34]), (7, [0, 0], [3, 4]), (800, [666, 200], [615, 185])],
)
def test_shares_add_up(amount: int, weights: list[int], parts: list[int]) -> None:
    assert shares(amount, weights) == parts
    assert sum(parts) == amount


# Goods that come back later


def refunded_and_sent(order: Order, amount: int = 1000) -> Order:
    fulfil_order(order.pk, reason="sent", now=at(30))
    put(refund(amount=amount))
    return fresh(order)


def test_goods_may_come_back_after_their_refund(mugs: Order) -> None:
    order = refunded_and_sent(mugs)
    line = line_of(order)
    restock_returned(order.pk, {line.pk: 2}, seen={line.pk: 3}, reason="by post")
    assert (stock(), line_of(order).taken, line_of(order).returned) == (3, 1, 2)
    assert fresh(order).status == "fulfilled"


@pytest.mark.parametrize(("quantity", "seen"), [(4, 3), (0, 3), (-1, 3), (1, 2)])
def test_what_didnt_come_from_stock_doesnt_go_back(mugs: Order, quantity: int, seen: int) -> None:
    order = refunded_and_sent(mugs)
    line = line_of(order)
    with pytest.raises(RestockImpossible):
        restock_returned(order.pk, {line.pk: quantity}, seen={line.pk: seen}, reason="by post")
    assert (stock(), line_of(order).taken) == (1, 3)


def test_what_a_waiting_refund_is_going_to_restock_isnt_restocked_beside_it(mugs: Order) -> None:
    order = refunded_and_sent(mugs, amount=100)
    request = asked(order, 900, 2, restock=True)
    line = line_of(order)
    with pytest.raises(RestockImpossible, match="1 came from it"):
        restock_returned(order.pk, {line.pk: 2}, seen={line.pk: 3}, reason="by post")
    restock_returned(order.pk, {line.pk: 1}, seen={line.pk: 3}, reason="by post")
    happens(request, "re_2")
    assert (stock(), line_of(order).taken, line_of(order).returned) == (4, 0, 3)


def test_an_order_that_wasnt_sent_or_refunded_has_nothing_come_back(mugs: Order) -> None:
    line = line_of(mugs)
    with pytest.raises(RestockImpossible):
        restock_returned(mugs.pk, {line.pk: 1}, seen={line.pk: 3}, reason="by post")
    fulfil_order(mugs.pk, reason="sent")
    with pytest.raises(RestockImpossible):
        restock_returned(mugs.pk, {line.pk: 1}, seen={line.pk: 3}, reason="by post")
    assert stock() == 1


# At Stripe


@pytest.fixture
def stripe(settings: Settings) -> Any:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


def hear(stripe: StandIn) -> None:
    inbox.store(stripe.events_since(0, limit=10_000), Source.WEBHOOK)
    processing.drain()


def bought(shop_order: MakeOrder, stripe: StandIn, number: str, *amounts: int) -> Order:
    """An order that these payments pay."""
    order = shop_order(number, total_minor=sum(amounts))
    for amount in amounts:
        stripe.create_payment(amount, metadata={"order": number})
    hear(stripe)
    return fresh(order)


def test_an_order_of_two_charges_is_refunded_from_both(
    shop_order: MakeOrder, stripe: StandIn
) -> None:
    order = bought(shop_order, stripe, "A-1", 600, 400)
    [found] = refund_in_full([order.pk], reason="out of stock", wish=uuid4())
    assert (found.problem, found.refused) == ("", False)
    assert sorted(request.amount for request in found.requests) == [400, 600]
    assert sorted(found.words.split("; ")) == ["4.00 USD: succeeded", "6.00 USD: succeeded"]
    order = fresh(order)
    assert (order.status, order.refund_status) == ("canceled", "full")
    assert refundable_charges(order) == []


def test_many_orders_are_refunded_with_a_report_row_by_row(
    shop_order: MakeOrder, stripe: StandIn
) -> None:
    paid = bought(shop_order, stripe, "A-1", 1000)
    partly = bought(shop_order, stripe, "A-2", 1000)
    refund_order(
        partly.pk,
        charge_id=refundable_charges(partly)[0].pk,
        amount=300,
        reason="scratched",
        request=uuid4(),
    )
    disputed = bought(shop_order, stripe, "A-3", 1000)
    stripe.create_dispute(refundable_charges(disputed)[0].pk)
    refused = bought(shop_order, stripe, "A-4", 1000)
    hear(stripe)
    # Refunded in the dashboard a moment ago: we haven't heard of it.
    stripe.api("POST", "/v1/refunds", {"charge": refundable_charges(refused)[0].pk})
    unpaid = shop_order("A-5")
    ids = [paid.pk, partly.pk, disputed.pk, refused.pk, unpaid.pk, 0]
    wish = uuid4()
    report = refund_in_full(ids, reason="recall", wish=wish)
    assert [one.order_id for one in report] == ids
    words = [one.words for one in report]
    assert words[:3] == [
        "10.00 USD: succeeded",
        "7.00 USD: succeeded",
        "nothing of it is left to refund",
    ]
    assert words[3].startswith("10.00 USD: Stripe refused it: ")
    assert words[4:] == ["nothing was captured for it", "there is no such order"]
    assert [one.refused for one in report] == [False, False, True, True, True, True]
    again = refund_in_full(ids, reason="recall", wish=wish)
    assert [one.words for one in again] == words
    assert RefundRequest.objects.count() == 4
    assert AuditEvent.objects.filter(action="order.refund_asked", reason="recall").count() == 3


def test_without_a_reason_nothing_is_asked(shop_order: MakeOrder, stripe: StandIn) -> None:
    order = bought(shop_order, stripe, "A-1", 1000)
    with pytest.raises(ReasonMissing):
        refund_in_full([order.pk], reason=" ", wish=uuid4())
    assert not RefundRequest.objects.exists()


def test_while_stripe_is_away_all_are_recorded_and_sent_later(
    shop_order: MakeOrder, stripe: StandIn
) -> None:
    orders = [bought(shop_order, stripe, f"A-{n}", 1000) for n in range(3)]
    stripe.add_fault(503, count=3, method="POST", path="/v1/refunds")
    report = refund_in_full([order.pk for order in orders], reason="recall", wish=uuid4())
    assert all("recorded" in one.words and not one.refused for one in report)
    RefundRequest.objects.update(next_at=timezone.now())
    tasks.send_refunds()
    assert {fresh(order).status for order in orders} == {"canceled"}


def test_recording_for_many_orders_takes_a_bounded_number_of_statements(
    shop_order: MakeOrder, queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders.services import refunding

    monkeypatch.setattr(refunding, "send_now", lambda ids: None)
    counts = []
    for size in (2, 30):
        ids = []
        for n in range(size):
            number = f"{size}-{n}"
            ids.append(shop_order(number).pk)
            put(
                intent(f"pi_{number}", order=number),
                charge(f"ch_{number}", payment_intent_id=f"pi_{number}"),
            )
        with queries() as captured:
            refund_in_full(ids, reason="recall", wish=uuid4())
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert RefundRequest.objects.count() == 32


def test_the_story_tells_wishes_and_refunds_of_both_sides(
    shop_order: MakeOrder, stripe: StandIn
) -> None:
    order = bought(shop_order, stripe, "A-1", 5000)
    [charge] = refundable_charges(order)

    def ask(amount: int, id: UUID | None = None) -> None:
        refund_order(
            order.pk, charge_id=charge.pk, amount=amount, reason="late", request=id or uuid4()
        )

    stripe.next_refund("requires_action")
    ask(100)
    stripe.next_refund("insufficient_funds")
    ask(200)
    stripe.api("POST", "/v1/refunds", {"charge": charge.pk, "amount": 300, "reason": "duplicate"})
    hear(stripe)
    stripe.add_fault(503, method="POST", path="/v1/refunds")
    ask(400)
    story = order_detail(order).refunds
    told = {one.amount: (one.state, one.detail, one.why) for one in story}
    assert told[100] == ("requires action", "display details", "late")
    assert told[200] == ("pending", "insufficient funds", "late")
    assert told[300] == ("succeeded", "", "duplicate")
    assert told[400][0] == "asked, outcome unknown"
    assert [one.request is None for one in story if one.amount == 300] == [True]
