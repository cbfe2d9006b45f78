"""Orders that were sent: one, many at once, and their tracking numbers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from orders.models import Order, OrderTransition
from orders.services.fulfilment import Shipment, correct_tracking, fulfil_many
from orders.services.handling import ReasonMissing, fulfil_order
from orders.services.tracking import NO_TRACKING, BadTracking, Tracking, tracking
from orders.tests.conftest import enforce
from orders.tests.mirror import at, charge, intent, put

pytestmark = pytest.mark.django_db
UPS = Tracking("UPS", "1Z 999")


@pytest.fixture
def many_paid(shop_order: Any) -> Any:
    """Makes so many paid orders: ``P-0``, ``P-1``, …"""

    def make(count: int) -> None:
        for n in range(count):
            shop_order(f"P-{n}")
            put(
                intent(f"pi_p{n}", order=f"P-{n}"), charge(f"ch_p{n}", payment_intent_id=f"pi_p{n}")
            )

    return make


def results(shipments: list[Shipment], **options: Any) -> list[str]:
    return [result.refusal for result in fulfil_many(shipments, reason="sent", **options)]


def test_an_order_is_fulfilled_under_its_tracking_number(paid):
    fulfil_order(paid.pk, reason="sent", tracking=tracking(" UPS ", "1Z\N{NO-BREAK SPACE} 999\n"))
    enforce()
    paid.refresh_from_db()
    assert (paid.status, paid.carrier, paid.tracking_number) == ("fulfilled", "UPS", "1Z 999")
    after = AuditEvent.objects.get(action="order.fulfilled").after
    assert (after["carrier"], after["tracking_number"]) == ("UPS", "1Z 999")


@pytest.mark.parametrize(
    ("carrier", "number"), [("x" * 101, ""), ("", "1" * 256), ("a\0b", ""), ("", "\ud800")]
)
def test_what_cant_be_a_tracking_number_is_refused(carrier, number):
    with pytest.raises(BadTracking):
        tracking(carrier, number)


@pytest.mark.parametrize("values", [{"carrier": "UPS"}, {"tracking_number": "1Z"}])
def test_the_database_keeps_tracking_numbers_to_fulfilled_orders(paid, values):
    with pytest.raises(IntegrityError, match="order_tracked_once_fulfilled"), transaction.atomic():
        Order.objects.filter(pk=paid.pk).update(**values)


def test_many_are_fulfilled_each_with_its_own_number(many_paid, operator: User, heard):
    many_paid(3)
    heard.clear()
    shipments = [Shipment(f"P-{n}", Tracking("DHL", f"00{n}")) for n in range(3)]
    with acting_as(Actor("olive", operator)):
        done = fulfil_many(shipments, reason=" sent ", now=at(90))
    enforce()
    assert [result.refusal for result in done] == ["", "", ""]
    orders = Order.objects.order_by("number")
    assert [(o.status, o.tracking_number, o.fulfilled_at) for o in orders] == [
        ("fulfilled", f"00{n}", at(90)) for n in range(3)
    ]
    moves = OrderTransition.objects.filter(to_status="fulfilled")
    assert {(move.actor, move.reason) for move in moves} == {(operator, "sent")}
    assert AuditEvent.objects.filter(action="order.fulfilled", actor=operator).count() == 3
    assert [(c.before.status, c.after.status) for c in heard if c.before] == [
        ("paid", "fulfilled")
    ] * 3


def test_what_cant_be_fulfilled_is_skipped_with_the_reason(many_paid, shop_order):
    many_paid(2)
    shop_order("W-1")
    fulfil_many([Shipment("P-1", UPS)], reason="sent")
    assert results(
        [
            Shipment("P-0", UPS, 2),
            Shipment("nobody", UPS, 3),
            Shipment("W-1", UPS, 4),
            Shipment("P-1", UPS, 5),
            Shipment("P-0", UPS, 6),
        ]
    ) == [
        "",
        "there is no such order",
        "is pending, not paid",
        "is fulfilled already",
        "is said in line 2 already",
    ]
    assert results([Shipment("P-1", Tracking("DHL", "7"))]) == [
        "is fulfilled already, with UPS 1Z 999: correct that on its page"
    ]


def test_two_different_numbers_for_one_order_are_both_skipped(many_paid):
    many_paid(1)
    assert (
        results([Shipment("P-0", UPS, 2), Shipment("P-0", NO_TRACKING, 9)])
        == ["lines 2 and 9 say different things of it"] * 2
    )
    assert Order.objects.get().status == "paid"


def test_a_dry_run_says_the_same_and_changes_nothing(many_paid):
    many_paid(1)
    shipments = [Shipment("P-0", UPS), Shipment("nobody")]
    before = AuditEvent.objects.count()
    said = results(shipments, dry_run=True)
    assert Order.objects.get().status == "paid"
    assert AuditEvent.objects.count() == before
    assert results(shipments) == said == ["", "there is no such order"]


def test_the_same_again_does_nothing(many_paid):
    many_paid(2)
    shipments = [Shipment("P-0", UPS), Shipment("P-1", UPS)]
    results(shipments)
    before = AuditEvent.objects.count(), OrderTransition.objects.count()
    assert results(shipments) == ["is fulfilled already"] * 2
    assert (AuditEvent.objects.count(), OrderTransition.objects.count()) == before


def test_a_batch_takes_as_many_statements_however_many_it_has(many_paid, queries):
    many_paid(12)
    counts = []
    for first, last in ((0, 1), (1, 12)):
        shipments = [Shipment(f"P-{n}", Tracking("DHL", f"{n}")) for n in range(first, last)]
        with queries() as seen:
            fulfil_many(shipments, reason="sent")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 12


def test_without_a_reason_nothing_is_fulfilled(many_paid):
    many_paid(1)
    with pytest.raises(ReasonMissing):
        fulfil_many([Shipment("P-0", UPS)], reason=" ")
    assert Order.objects.get().status == "paid"


def test_a_tracking_number_is_corrected_with_a_reason(paid, heard):
    fulfil_order(paid.pk, reason="sent", tracking=UPS)
    correct_tracking(paid.pk, Tracking("UPS", "1Z 998"), reason="misread")
    paid.refresh_from_db()
    assert paid.tracking_number == "1Z 998"
    entry = AuditEvent.objects.get(action="order.tracking")
    assert (entry.before, entry.after, entry.reason) == (
        {"carrier": "UPS", "number": "1Z 999"},
        {"carrier": "UPS", "number": "1Z 998"},
        "misread",
    )


@pytest.mark.parametrize("fulfilled", [False, True])
def test_there_is_nothing_to_correct(paid, fulfilled):
    if fulfilled:
        fulfil_order(paid.pk, reason="sent", tracking=UPS)
    with pytest.raises(BadTracking):
        correct_tracking(paid.pk, UPS, reason="misread")
    assert not AuditEvent.objects.filter(action="order.tracking").exists()
