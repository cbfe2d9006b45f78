"""Orders by themselves: sums, history, waiting, what a full refund and a failed one mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.tests.rows import build
from monitoring import registry
from monitoring.checks.orders import legal_histories
from monitoring.models import Severity
from monitoring.registry import Finding
from monitoring.tests.anomalies.orders import past_the_database
from monitoring.tests.rows import (
    HOUR,
    ask_for_refund,
    link,
    move,
    order,
    oversold,
    paid_order,
    payment,
    refund,
)
from orders.models import Order, OrderLine, OrderTransition, RefundedLine
from orders.services.import_file import Parsed
from orders.services.importing import import_orders
from orders.services.new_orders import NewOrder
from orders.tests.mirror import at, put
from orders.tests.mirror import charge as told_charge
from orders.tests.mirror import intent as told_intent
from orders.tests.mirror import refund as told_refund
from payments.models import Charge, PaymentIntent, Refund, RefundRequest

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def found(name: str) -> list[Finding]:
    check = registry.get(name)
    assert check is not None
    return list(check.find(timezone.now()))


def differences(name: str) -> list[int | None]:
    return [finding.amount_minor for finding in found(name)]


# Sums


def of_lines(*totals: int, **values: Any) -> None:
    """An order over 50.00 with such lines, of whose parts only ``values`` are known."""
    one = order(**{f"{name}_minor": value for name, value in values.items()})
    for position, total in enumerate(totals, 1):
        build(OrderLine, order=one, position=position, quantity=1, total_minor=total)


@pytest.mark.parametrize(
    ("lines", "known", "off"),
    [
        # Tax is in the lines, whatever it is, unless shipping has some of its own.
        ((3_000, 2_000), {"discount": 0, "tax": 800, "shipping": 0}, 0),
        ((3_000, 1_500), {"discount": 0, "tax": 800, "shipping": 500}, 0),
        ((3_000, 1_500), {"discount": 0, "tax": 800, "shipping": 420}, 0),
        ((3_000, 1_500), {"discount": 0, "tax": 20, "shipping": 420}, 60),
        ((3_000, 1_500), {"discount": 0, "tax": 800, "shipping": 0}, 500),
        ((3_000, 2_500), {"discount": 0, "tax": 0, "shipping": 0}, 500),
        ((3_000, 2_000), {"discount": 0, "tax": 0, "shipping": 500}, 500),
        # What isn't known may be the difference.
        ((3_000, 2_500), {}, 0),
        ((3_000, 2_500), {"tax": 0, "shipping": 0}, 0),
        ((3_000, 1_500), {"discount": 0, "shipping": 0}, 0),
        ((3_000, 1_500), {"discount": 0, "tax": 0}, 0),
        # But it can't be less than nothing.
        ((3_000, 2_500), {"discount": 0}, 500),
        ((), {"discount": 0, "tax": 0, "shipping": 0}, 0),
    ],
)
def test_a_total_is_what_its_lines_allow(
    lines: tuple[int, ...], known: dict[str, int], off: int
) -> None:
    of_lines(*lines, **known)
    assert differences("total_differs_from_lines") == ([off] if off else [])


@pytest.mark.parametrize(
    ("known", "off"),
    [
        ({"subtotal": 4_500, "discount": 500, "tax": 760, "shipping": 240}, 0),
        # Prices that hold their tax already.
        ({"subtotal": 5_000, "discount": 500, "tax": 760, "shipping": 500}, 0),
        ({"subtotal": 5_000, "discount": 0, "tax": 760, "shipping": 10}, 10),
        ({"subtotal": 4_000, "discount": 0, "tax": 760, "shipping": 40}, 200),
        ({"subtotal": 4_000, "discount": 0, "tax": 760}, 0),
        ({"subtotal": 4_000, "tax": 760, "shipping": 40}, 0),
        ({"subtotal": 5_600, "discount": 500}, 100),
    ],
)
def test_a_total_is_what_its_parts_allow(known: dict[str, int], off: int) -> None:
    of_lines(**known)
    assert differences("total_differs_from_lines") == ([off] if off else [])


def test_unknown_parts_are_told_as_unknown() -> None:
    of_lines(6_000, discount=0)
    [finding] = found("total_differs_from_lines")
    assert finding.evidence["shipping"] == "unknown"
    assert finding.evidence["discount"] == {"amount": 0, "currency": "eur"}


# History


def test_the_legal_histories_are_those_of_the_state_machine() -> None:
    assert legal_histories() == [
        "pending: ",
        "paid: pending>paid",
        "fulfilled: pending>paid paid>fulfilled",
        "canceled: pending>paid paid>canceled",
        "canceled: pending>canceled",
    ]


def test_every_legal_history_leads_to_its_status() -> None:
    now = timezone.now()
    order("1")
    for number, legal in enumerate(legal_histories()[1:], 2):
        one = order(str(number))
        status, *steps = legal.split()
        for step in steps:
            one.refresh_from_db()
            to = step.partition(">")[2]
            times = {"paid": {"paid_at": now}, "fulfilled": {"fulfilled_at": now}}
            move(one, to, **times.get(to, {"canceled_at": now}))
        assert Order.objects.get(pk=one.pk).status == status.rstrip(":")
    assert found("history_differs") == []


def test_a_move_too_many_and_one_that_is_missing_are_found() -> None:
    gap, much = paid_order("1"), paid_order("2")
    past_the_database(
        "UPDATE orders_order SET status = 'fulfilled', fulfilled_at = now() WHERE number = '1'"
    )
    build(OrderTransition, order=much, from_status="pending", to_status="canceled")
    told = {finding.subject_id: finding.evidence["history"] for finding in found("history_differs")}
    assert told == {
        str(gap.pk): "pending → paid",
        str(much.pk): "pending → paid, pending → canceled",
    }


def test_a_pending_order_with_a_history_is_found() -> None:
    one = order()
    build(OrderTransition, order=one, from_status="pending", to_status="paid")
    assert [finding.subject_id for finding in found("history_differs")] == [str(one.pk)]


# Waiting to be fulfilled


def paid(ago: timedelta, **values: Any) -> Order:
    payment()
    one = paid_order(**values)
    link(one, "pi_1")
    Order.objects.update(paid_at=timezone.now() - ago)
    return one


def test_an_order_is_late_after_the_time_that_is_promised(settings: Settings) -> None:
    settings.FULFIL_WITHIN_HOURS = 12
    paid(timedelta(hours=11))
    assert found("unfulfilled_late") == []
    Order.objects.update(paid_at=timezone.now() - timedelta(hours=13))
    [finding] = found("unfulfilled_late")
    assert (finding.amount_minor, finding.severity) == (5_000, None)
    Order.objects.update(paid_at=timezone.now() - timedelta(hours=25))
    [finding] = found("unfulfilled_late")
    assert finding.severity == Severity.HIGH
    settings.FULFIL_WITHIN_HOURS = 0
    assert found("unfulfilled_late") == []


def test_what_is_at_risk_is_what_was_kept_or_the_total_of_what_was_paid_elsewhere() -> None:
    one = paid(9 * DAY, refunded_minor=1_000)
    assert differences("unfulfilled_late") == [4_000]
    Order.objects.filter(pk=one.pk).update(refunded_minor=0, captured_minor=0)
    assert differences("unfulfilled_late") == [5_000]


def test_who_lacks_goods_or_whose_money_is_gone_is_told_elsewhere() -> None:
    one = oversold()
    Order.objects.update(paid_at=timezone.now() - 9 * DAY)
    assert found("unfulfilled_late") == []
    assert len(found("oversold_order")) == 1
    Order.objects.update(oversold=False)
    assert len(found("unfulfilled_late")) == 1
    Charge.objects.update(status="failed")
    assert found("unfulfilled_late") == []
    assert len(found("payment_failed_late")) == 1
    payment("2")  # paid anew, it is to be sent again
    link(one, "pi_2")
    assert len(found("unfulfilled_late")) == 1
    Order.objects.update(refunded_minor=5_000)
    assert found("unfulfilled_late") == []
    assert len(found("refunded_order_not_canceled")) == 1


# Waiting to be paid


def pending(ago: timedelta = 8 * DAY, **values: Any) -> Order:
    return order(placed_at=timezone.now() - ago, **values)


def test_an_order_may_wait_for_its_payment_so_many_days(settings: Settings) -> None:
    settings.PENDING_ORDER_DAYS = 2
    pending(2 * DAY - HOUR)
    assert found("pending_late") == []
    Order.objects.update(placed_at=timezone.now() - 2 * DAY - HOUR)
    assert differences("pending_late") == [5_000]
    settings.PENDING_ORDER_DAYS = 0
    assert found("pending_late") == []


@pytest.mark.parametrize("status", ["processing", "requires_capture", "succeeded"])
def test_what_is_on_its_way_is_not_late(status: str) -> None:
    link(pending(), "pi_1")
    build(PaymentIntent, id="pi_1", status="requires_payment_method", last_error_code="declined")
    [finding] = found("pending_late")
    assert finding.evidence["payments begun"] == 1
    assert finding.evidence["its error"] == "declined"
    PaymentIntent.objects.update(status=status)
    assert found("pending_late") == []


def test_who_paid_something_is_told_by_the_amount_until_it_is_refunded() -> None:
    payment(amount=4_000)
    link(pending(), "pi_1")
    assert found("pending_late") == []
    assert len(found("amount_mismatch")) == 1
    refund(amount=4_000)
    Charge.objects.update(amount_refunded=4_000)
    assert found("amount_mismatch") == []
    assert len(found("pending_late")) == 1


# A full refund


def test_a_full_refund_of_less_than_the_total_does_not_cancel() -> None:
    """An order that says it was paid elsewhere, part of which was paid here, and refunded."""
    new = NewOrder("A-1", "usd", 1_000, placed_at=at(-9), paid_at=at(-5))
    import_orders([Parsed(1, "A-1", new)], reason="imported")
    put(told_intent(order="A-1", amount=600), told_charge(amount=600))
    put(told_refund(amount=600, balance_transaction_id="txn_1"))
    one = Order.objects.get()
    assert (one.status, one.refund_status) == ("paid", "full")
    assert found("refunded_order_not_canceled") == []
    Order.objects.update(captured_minor=1_000, refunded_minor=1_000)
    assert differences("refunded_order_not_canceled") == [1_000]


# A refund that fails


@pytest.mark.parametrize("restocked", [0, 2])
def test_a_failed_refund_is_worse_when_the_goods_are_back(restocked: int) -> None:
    request = ask_for_refund()
    one = Order.objects.get()
    line = build(OrderLine, order=one, position=1, quantity=2, taken=2, total_minor=5_000)
    row = build(RefundedLine, request=request, line=line, quantity=2, restock=True)
    refund(amount=2_000, status="failed", failed_at=timezone.now() - HOUR)
    RefundRequest.objects.update(status="made", next_at=None, refund_id="re_1")
    if restocked:
        RefundedLine.objects.filter(pk=row.pk).update(
            restocked=restocked, restocked_at=timezone.now()
        )
    [finding] = found("refund_failed")
    assert finding.severity == (Severity.CRITICAL if restocked else None)
    assert finding.evidence["units put back into stock"] == restocked
    assert ("goods are back in stock" in finding.summary) == bool(restocked)


def test_refunds_that_an_order_was_not_told_of_are_found_whatever_it_says_was_captured() -> None:
    payment(amount_refunded=1_000)
    refund(amount=1_000)
    link(order(captured_minor=0), "pi_1")
    assert differences("refund_mismatch") == [1_000]
    Refund.objects.update(amount=7_000)
    Charge.objects.update(amount_refunded=7_000)
    Order.objects.update(captured_minor=5_000, refunded_minor=5_000)
    assert found("refund_mismatch") == []  # told by given_back_above_captured


def test_a_refund_in_another_currency_than_the_order_is_told_by_its_charge() -> None:
    payment(currency="usd", amount_refunded=1_000)
    link(order(), "pi_1")
    [finding] = found("refund_mismatch")
    assert (finding.subject_type, finding.subject_id) == ("payments.charge", "ch_1")
    assert (finding.amount_minor, finding.currency) == (1_000, "usd")
    refund(amount=1_000, currency="usd")
    assert found("refund_mismatch") == []
