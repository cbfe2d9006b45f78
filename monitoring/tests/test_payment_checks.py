"""Orders against their payments: what the checks find between them, and what is no fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.tests.rows import build
from monitoring import registry
from monitoring.registry import Finding
from monitoring.tests.rows import (
    HOUR,
    link,
    move,
    order,
    paid_order,
    payment,
    refund,
)
from orders.models import Order, OrderPayment
from orders.services.creation import NewOrder, create_order
from orders.tests.mirror import charge as told_charge
from orders.tests.mirror import intent as told_intent
from orders.tests.mirror import put
from orders.tests.mirror import refund as told_refund
from orders.tests.mirror import session as told_session
from payments.models import Charge, CheckoutSession, PaymentIntent, Refund

pytestmark = pytest.mark.django_db


def found(name: str) -> list[Finding]:
    check = registry.get(name)
    assert check is not None
    return list(check.find(timezone.now()))


def differences(name: str) -> list[tuple[str, int | None]]:
    return [(finding.subject_id, finding.amount_minor) for finding in found(name)]


# Paid without a payment


def test_a_paid_order_without_a_payment_is_found() -> None:
    one = paid_order()
    assert differences("paid_order_unpaid") == [(str(one.pk), 5_000)]


@pytest.mark.parametrize("values", [{"total": 0}, {"source": "import"}])
def test_what_costs_nothing_or_was_paid_elsewhere_needs_no_payment(values: dict[str, Any]) -> None:
    paid_order(**{"total": 5_000, **values})
    assert found("paid_order_unpaid") == []


def test_a_payment_that_never_succeeded_pays_no_order() -> None:
    one = paid_order()
    payment(captured_at=None, amount_captured=0, status="failed")
    PaymentIntent.objects.update(status="requires_payment_method")
    link(one, "pi_1")
    assert len(found("paid_order_unpaid")) == 1


def test_a_payment_that_failed_later_is_told_as_such_alone() -> None:
    payment(status="failed")
    link(paid_order(), "pi_1")
    assert found("paid_order_unpaid") == []
    assert differences("payment_failed_late") == [("ch_1", 5_000)]


def test_one_of_two_parts_that_failed_later_is_told_once() -> None:
    one = paid_order()
    for key, amount, status in (("1", 3_000, "succeeded"), ("2", 2_000, "failed")):
        payment(key, amount=amount, status=status)
        link(one, f"pi_{key}")
    assert differences("payment_failed_late") == [("ch_2", 2_000)]
    assert found("amount_mismatch") == []


def test_a_payment_that_was_given_back_makes_no_late_failure_good() -> None:
    payment(status="failed")
    one = paid_order(captured_minor=10_000)
    link(one, "pi_1")
    payment("2")
    link(one, "pi_2")
    assert found("payment_failed_late") == []
    Charge.objects.filter(pk="ch_2").update(amount_refunded=1_000)  # as goods come back
    assert found("payment_failed_late") == []
    Charge.objects.filter(pk="ch_2").update(amount_refunded=5_000)
    assert differences("payment_failed_late") == [("ch_1", 5_000)]


# Paid, and pending all the same


def test_a_payment_has_ten_minutes_to_pay_its_order() -> None:
    payment(captured_at=timezone.now() - timedelta(minutes=9))
    link(order(), "pi_1")
    assert found("payment_order_pending") == []
    Charge.objects.update(captured_at=timezone.now() - timedelta(minutes=11))
    assert len(found("payment_order_pending")) == 1


def test_an_order_paid_too_little_is_rightly_pending() -> None:
    payment(amount=4_999)
    link(order(), "pi_1")
    assert found("payment_order_pending") == []


def test_parts_that_make_the_whole_pay_an_order() -> None:
    one = order()
    for key, amount in (("1", 3_000), ("2", 2_000)):
        payment(key, amount=amount)
        link(one, f"pi_{key}")
    assert differences("payment_order_pending") == [(str(one.pk), 5_000)]


def test_a_part_that_was_refunded_had_paid_the_order_too() -> None:
    payment(amount_refunded=1_000)
    refund(amount=1_000)
    one = order()
    link(one, "pi_1")
    assert differences("payment_order_pending") == [(str(one.pk), 5_000)]


@pytest.mark.parametrize("values", [{"currency": "usd"}, {"status": "failed"}])
def test_another_currency_and_a_late_failure_pay_nothing(values: dict[str, Any]) -> None:
    payment(**values)
    link(order(), "pi_1")
    assert found("payment_order_pending") == []


def test_an_intent_has_an_hour_for_its_charge_to_come() -> None:
    payment()
    Charge.objects.all().delete()
    one = order()
    link(one, "pi_1")
    PaymentIntent.objects.update(succeeded_at=timezone.now() - timedelta(minutes=59))
    assert found("payment_order_pending") == []
    PaymentIntent.objects.update(succeeded_at=timezone.now() - timedelta(minutes=61))
    [finding] = found("payment_order_pending")
    assert (finding.subject_id, finding.evidence["charges"]) == (str(one.pk), [])


def test_an_order_made_from_stripe_is_paid_with_what_its_intent_received() -> None:
    put(
        told_intent(amount=1_000, amount_received=700),
        told_charge(amount=1_000, amount_captured=700),
        told_session(amount_total=1_000),
    )
    one = Order.objects.get()
    assert (one.status, one.total_minor, one.captured_minor) == ("paid", 1_000, 700)
    assert found("payment_order_pending") == []
    put(told_refund(amount=700, balance_transaction_id="txn_1"))
    assert Order.objects.get().status == "canceled"
    pending = order("pi_9", source="stripe", payment_intent_id="pi_9", total=1_000)
    payment("9", amount=700)
    link(pending, "pi_9")
    assert differences("payment_order_pending") == [(str(pending.pk), 700)]


# Too much, too little, twice


def test_a_single_payment_too_much_is_no_second_payment() -> None:
    payment(amount=9_000)
    one = paid_order()
    link(one, "pi_1")
    assert found("several_payments") == []
    assert differences("amount_mismatch") == [(str(one.pk), 4_000)]


def test_two_parts_that_are_too_much_together_are_an_amount() -> None:
    one = paid_order()
    for key, amount in (("1", 3_000), ("2", 3_000)):
        payment(key, amount=amount)
        link(one, f"pi_{key}")
    assert found("several_payments") == []
    assert differences("amount_mismatch") == [(str(one.pk), 1_000)]


def test_a_second_payment_is_told_once() -> None:
    one = paid_order()
    for key in "12":
        payment(key)
        link(one, f"pi_{key}")
    assert differences("several_payments") == [(str(one.pk), 5_000)]
    assert found("amount_mismatch") == []


def test_payments_in_two_currencies_are_no_duplicates() -> None:
    one = paid_order()
    for key, currency in (("1", "eur"), ("2", "usd")):
        payment(key, currency=currency)
        link(one, f"pi_{key}")
    assert found("several_payments") == []
    assert differences("currency_mismatch") == [(str(one.pk), 5_000)]


@pytest.mark.parametrize("amount", [4_000, 9_000])
def test_what_a_canceled_order_was_paid_is_told_as_such_alone(amount: int) -> None:
    payment(amount=amount)
    one = order(captured_minor=amount)
    move(one, "canceled", canceled_at=timezone.now())
    link(one, "pi_1")
    assert differences("canceled_order_paid") == [(str(one.pk), amount)]
    assert found("amount_mismatch") == []


def test_a_refund_made_anew_makes_up_for_no_other_payment() -> None:
    one = order(captured_minor=10_000)
    move(one, "canceled", canceled_at=timezone.now())
    for key in "12":
        payment(key)
        link(one, f"pi_{key}")
    refund("1", status="failed", failed_at=timezone.now() - HOUR)
    refund("2")
    assert differences("canceled_order_paid") == [(str(one.pk), 5_000)]


def test_what_was_refunded_of_a_wrong_currency_is_not_at_risk() -> None:
    payment(currency="usd", amount_refunded=2_000)
    refund(amount=2_000, currency="usd")
    one = order()
    link(one, "pi_1")
    assert differences("currency_mismatch") == [(str(one.pk), 3_000)]


# One payment, two orders


def claimed(**values: Any) -> Order:
    """A payment that pays one order while another waits; ``values`` are of the other one."""
    payment()
    link(paid_order("1001"), "pi_1")
    return order("1002", **values)


def session_of(**values: Any) -> CheckoutSession:
    return build(CheckoutSession, payment_intent_id="pi_1", **values)


def by_intent() -> None:
    PaymentIntent.objects.update(metadata={"order": "1002"})


def by_charge() -> None:
    Charge.objects.update(metadata={"order": "1002"})


def by_session() -> None:
    session_of(metadata={"order": "1002"}, client_reference_id="")


def by_reference() -> None:
    session_of(client_reference_id="1002")


def by_order() -> None:
    Order.objects.filter(number="1002").update(payment_intent_id="pi_1")


@pytest.mark.parametrize("way", [by_intent, by_charge, by_session, by_reference, by_order])
def test_an_order_that_waits_for_anothers_payment_is_found(way: Any) -> None:
    claimed()
    assert found("payment_names_other_order") == []
    way()
    [finding] = found("payment_names_other_order")
    assert (finding.subject_id, finding.amount_minor) == ("pi_1", 5_000)
    assert "counts for order 1001" in finding.summary
    assert "order 1002, which is pending, claims it by " in finding.summary


def test_several_names_for_one_order_are_one_finding() -> None:
    claimed()
    by_intent()
    by_charge()
    by_reference()
    assert len(found("payment_names_other_order")) == 1


def test_a_second_name_matters_only_while_that_order_waits_and_money_is_kept() -> None:
    other = claimed()
    by_intent()
    refund(amount=5_000)
    assert found("payment_names_other_order") == []
    Refund.objects.all().delete()
    assert len(found("payment_names_other_order")) == 1
    move(other, "canceled", canceled_at=timezone.now())
    assert found("payment_names_other_order") == []


def test_a_payment_that_names_its_own_order_twice_is_fine() -> None:
    payment()
    link(order("1001"), "pi_1")
    PaymentIntent.objects.update(metadata={"order": "1001"})
    session_of(client_reference_id="1001")
    assert found("payment_names_other_order") == []


def test_the_shop_that_names_two_orders_is_told() -> None:
    """Through the real edge: intent and session of one payment speak of two orders."""
    for number in ("A-1", "A-2"):
        create_order(NewOrder(number, "usd", 1_000), source=Order.Source.SHOP, reason="shop")
    put(told_intent(order="A-1"), told_charge(), told_session(client_reference_id="A-2"))
    assert dict(Order.objects.values_list("number", "status")) == {"A-1": "paid", "A-2": "pending"}
    assert OrderPayment.objects.get().order.number == "A-1"
    assert differences("payment_names_other_order") == [("pi_1", 1_000)]
