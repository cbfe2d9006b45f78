"""What payments and refunds do to an order: the policy."""

from __future__ import annotations

import pytest

from auditlog.models import AuditEvent
from orders.models import Order, OrderPayment
from orders.services.handling import cancel_order, fulfil_order
from orders.tests.conftest import MakeOrder, enforce
from orders.tests.mirror import (
    at,
    balance_transaction,
    charge,
    intent,
    put,
    refund,
    session,
)
from payments.models import Dispute, Refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(shop_order: MakeOrder, mug: object, one_mug: list[object]) -> Order:
    """A pending order of one mug, 10.00 USD."""
    return shop_order(lines=one_mug)


@pytest.fixture
def paid(order: Order) -> Order:
    put(intent(order="A-1"), charge())
    return fresh(order)


def fresh(order: Order) -> Order:
    enforce()
    return Order.objects.get(pk=order.pk)


def path(order: Order) -> list[tuple[str, str]]:
    return list(order.transitions.values_list("from_status", "to_status"))


def test_a_captured_charge_pays_its_order(order, mug, heard):
    put(intent(order="A-1"), charge())
    order = fresh(order)
    mug.refresh_from_db()
    assert (order.status, order.paid_at, order.captured_minor) == ("paid", at(1), 1000)
    assert (order.refund_status, order.oversold, mug.stock) == ("none", False, 2)
    assert [(change.before.status, change.after.status) for change in heard] == [
        ("pending", "paid")
    ]


def test_the_transition_names_the_event_of_the_charge(order):
    changes = put(intent(order="A-1"), charge())
    from payments.models import Charge

    assert order.transitions.get().event_id == changes.of(Charge)["ch_1"].event_id


def test_an_authorisation_doesnt_pay_and_its_release_isnt_a_refund(order):
    put(
        intent(order="A-1", status="requires_capture"),
        charge(captured_at=None, amount_captured=0),
    )
    assert fresh(order).status == "pending"
    put(refund(), charge(captured_at=None, amount_captured=0, amount_refunded=1000))
    order = fresh(order)
    assert (order.status, order.refunded_minor, order.refund_status) == ("pending", 0, "none")


def test_a_failed_charge_moves_nothing(order):
    put(intent(order="A-1", status="requires_payment_method"), charge(status="failed"))
    order = fresh(order)
    assert (order.status, order.captured_minor) == ("pending", 0)
    assert order.payments.get().payment == "pi_1"


def test_a_partial_refund_never_moves_an_order(paid, mug):
    put(refund(amount=999))
    order = fresh(paid)
    mug.refresh_from_db()
    assert (order.status, order.refunded_minor, order.refund_status) == ("paid", 999, "partial")
    assert mug.stock == 2
    assert AuditEvent.objects.filter(action="order.amounts", target_id=str(order.pk)).count() == 1


def test_a_full_refund_before_fulfilment_cancels_and_restocks(paid, mug):
    put(refund())
    order = fresh(paid)
    mug.refresh_from_db()
    assert (order.status, order.canceled_at, order.refund_status) == ("canceled", at(60), "full")
    assert (mug.stock, order.lines.get().taken, order.oversold) == (3, 0, False)
    assert path(order) == [("pending", "paid"), ("paid", "canceled")]


def test_several_partial_refunds_that_add_up_cancel_with_the_last(paid):
    put(refund("re_1", amount=400), refund("re_2", amount=600, succeeded_at=at(70)))
    order = fresh(paid)
    assert (order.status, order.canceled_at) == ("canceled", at(70))


def test_a_full_refund_after_fulfilment_leaves_it_fulfilled_and_restocks_nothing(paid, mug):
    fulfil_order(paid.pk, reason="sent", now=at(30))
    put(refund())
    order = fresh(paid)
    mug.refresh_from_db()
    assert (order.status, order.refund_status, mug.stock) == ("fulfilled", "full", 2)
    assert order.lines.get().taken == 1


def test_a_pending_refund_counts_only_once_it_succeeded(paid):
    put(refund(status="pending"))
    assert fresh(paid).refund_status == "none"
    put(refund(status="succeeded"))
    assert fresh(paid).status == "canceled"


def test_a_refund_that_fails_before_it_ever_succeeded_is_none(paid):
    put(refund(status="failed", succeeded_at=None))
    order = fresh(paid)
    assert (order.status, order.refunded_minor) == ("paid", 0)


def test_a_refund_that_fails_after_its_order_was_canceled_leaves_it_canceled(paid, mug):
    put(refund())
    put(refund(status="failed"))
    order = fresh(paid)
    mug.refresh_from_db()
    assert (order.status, order.refunded_minor, order.refund_status) == ("canceled", 0, "none")
    assert mug.stock == 3


def test_a_full_refund_known_only_once_it_failed_cancels_as_well(paid):
    put(refund(status="failed"))
    order = fresh(paid)
    assert (order.status, order.canceled_at, order.refunded_minor) == ("canceled", at(60), 0)


def test_a_partial_refund_that_fails_gives_the_amount_back(paid):
    put(refund(amount=400))
    put(refund(amount=400, status="failed"))
    order = fresh(paid)
    assert (order.status, order.refunded_minor) == ("paid", 0)


def test_a_refund_that_came_back_before_the_next_one_never_was_full(paid):
    """60 % twice, but never at the same time."""
    put(
        refund("re_1", amount=600, status="failed", failed_at=at(80)),
        refund("re_2", amount=600, succeeded_at=at(90)),
    )
    order = fresh(paid)
    assert (order.status, order.refunded_minor) == ("paid", 600)


def test_a_refund_before_its_charge_waits_for_it(order):
    put(refund())
    assert fresh(order).refunded_minor == 0
    put(intent(order="A-1"), charge())
    order = fresh(order)
    assert (order.status, order.refund_status) == ("canceled", "full")
    assert path(order) == [("pending", "paid"), ("paid", "canceled")]


def test_a_refunds_date_is_its_transactions_even_if_that_comes_last(paid):
    put(refund(balance_transaction_id="txn_1"))
    assert fresh(paid).canceled_at == at(60)
    put(balance_transaction("txn_1", "re_1", created=at(65)))
    assert fresh(paid).canceled_at == at(65)


def test_a_capture_that_is_told_earlier_later_corrects_the_time(paid):
    put(charge(captured_at=at(0.5)))
    order = fresh(paid)
    assert (order.status, order.paid_at) == ("paid", at(0.5))


def test_a_payment_that_fails_after_it_had_succeeded_leaves_its_order_paid(paid):
    put(charge(status="failed", captured_at=at(1), amount_captured=1000))
    order = fresh(paid)
    assert (order.status, order.captured_minor) == ("paid", 1000)


def test_a_payment_for_a_canceled_order_is_kept_and_moves_nothing(order, mug):
    cancel_order(order.pk, reason="asked for", now=at(0))
    put(intent(order="A-1"), charge())
    order = fresh(order)
    mug.refresh_from_db()
    assert (order.status, order.canceled_at, order.paid_at) == ("canceled", at(0), None)
    assert (order.captured_minor, order.payments.count(), mug.stock) == (1000, 1, 3)


def test_a_second_payment_is_kept_and_its_refund_doesnt_cancel(paid):
    put(
        intent("pi_2", order="A-1"),
        charge("ch_2", payment_intent_id="pi_2", captured_at=at(2)),
    )
    assert fresh(paid).captured_minor == 2000
    put(refund(charge_id="ch_2"))
    order = fresh(paid)
    assert (order.status, order.refund_status, order.payments.count()) == ("paid", "partial", 2)
    assert order.paid_at == at(1)


def test_a_smaller_payment_leaves_its_order_pending_until_the_rest_comes(order):
    put(intent(order="A-1", amount=600), charge(amount=600))
    order = fresh(order)
    assert (order.status, order.captured_minor) == ("pending", 600)
    put(
        intent("pi_2", order="A-1", amount=400),
        charge("ch_2", payment_intent_id="pi_2", amount=400, captured_at=at(9)),
    )
    order = fresh(order)
    assert (order.status, order.paid_at) == ("paid", at(9))


def test_the_refund_of_a_smaller_payment_doesnt_cancel_a_pending_order(order):
    put(intent(order="A-1", amount=600), charge(amount=600), refund(amount=600))
    order = fresh(order)
    assert (order.status, order.refund_status) == ("pending", "full")
    put(
        intent("pi_2", order="A-1"),
        charge("ch_2", payment_intent_id="pi_2", captured_at=at(90)),
    )
    order = fresh(order)
    assert (order.status, order.paid_at) == ("paid", at(90))


def test_a_larger_payment_pays(order):
    put(intent(order="A-1", amount=1500), charge(amount=1500))
    order = fresh(order)
    assert (order.status, order.captured_minor, order.total_minor) == ("paid", 1500, 1000)


def test_a_payment_in_another_currency_is_linked_and_pays_nothing(order):
    put(intent(order="A-1", currency="eur"), charge(currency="eur"))
    order = fresh(order)
    assert (order.status, order.captured_minor) == ("pending", 0)
    assert order.payments.get().payment == "pi_1"
    put(refund(currency="eur"))
    assert fresh(order).refunded_minor == 0


def test_more_refunded_than_captured_is_shown_as_all_of_it(paid):
    put(refund("re_1"), refund("re_2", amount=500))
    order = fresh(paid)
    assert (order.refunded_minor, order.captured_minor, order.status) == (1000, 1000, "canceled")


def test_a_dispute_moves_no_order(paid, heard):
    put(
        Dispute(
            id="dp_1",
            amount=1000,
            currency="usd",
            status="lost",
            charge_id="ch_1",
            livemode=False,
            as_of=at(50),
        )
    )
    assert fresh(paid).status == "paid"
    assert heard == []


def test_what_changes_nothing_about_an_order_writes_nothing(paid, heard):
    audited = AuditEvent.objects.count()
    put(charge(description="another"), intent(order="A-1", description="another"))
    put(session())  # shop orders keep their own terms
    assert heard == []
    assert AuditEvent.objects.count() == audited


def test_an_expired_session_or_a_canceled_intent_doesnt_cancel_the_order(order):
    put(
        intent(order="A-1", status="canceled"),
        session(status="expired", payment_status="unpaid"),
    )
    assert fresh(order).status == "pending"


def test_a_free_order_is_paid_by_its_session(shop_order):
    order = shop_order("FREE", total_minor=0)
    put(
        session(
            payment_intent_id=None,
            payment_status="no_payment_required",
            amount_total=0,
            client_reference_id="FREE",
        )
    )
    order = fresh(order)
    assert (order.status, order.paid_at, order.captured_minor) == ("paid", at(1.1), 0)
    assert order.checkout_session_id == "cs_1"
    assert not OrderPayment.objects.exists()


def test_a_session_without_anything_to_pay_doesnt_pay_an_order_that_costs_something(order):
    put(
        session(
            payment_intent_id=None,
            payment_status="no_payment_required",
            amount_total=0,
            client_reference_id="A-1",
        )
    )
    assert fresh(order).status == "pending"


@pytest.mark.parametrize(
    ("currency", "amount"), [("gbp", 1999), ("jpy", 1999), ("kwd", 1_999_990), ("isk", 199_900)]
)
def test_amounts_are_minor_units_whatever_the_currencys_decimals(shop_order, currency, amount):
    order = shop_order("C-1", currency=currency, total_minor=amount)
    put(
        intent(order="C-1", currency=currency, amount=amount),
        charge(currency=currency, amount=amount),
        refund(currency=currency, amount=amount - 1),
    )
    order = fresh(order)
    assert (order.status, order.captured_minor, order.refunded_minor) == (
        "paid",
        amount,
        amount - 1,
    )
    assert order.refund_status == "partial"
    assert Refund.objects.get().currency == order.currency


def test_what_a_capture_of_less_released_is_no_refund_whatever_transaction_it_names(order, mug):
    """https://docs.stripe.com/reports/reporting-categories: partial_capture_reversal."""
    put(
        intent(order="A-1", amount=2000),
        charge(amount=2000, amount_captured=1000, amount_refunded=1000),
        refund(balance_transaction_id="txn_released"),
    )
    assert fresh(order).status == "paid"
    put(
        balance_transaction(
            "txn_released", source="re_1", reporting_category="partial_capture_reversal"
        )
    )
    order = fresh(order)
    assert (order.status, order.refunded_minor, order.refund_status) == ("paid", 0, "none")


def test_a_released_part_that_counted_until_its_transaction_came_counts_no_longer(order):
    put(
        intent(order="A-1", amount=2000),
        charge(amount=2000, amount_captured=1000, amount_refunded=1000),
        refund(amount=400, balance_transaction_id="txn_released"),
    )
    assert fresh(order).refunded_minor == 400
    put(
        balance_transaction(
            "txn_released", source="re_1", reporting_category="partial_capture_reversal"
        )
    )
    assert fresh(order).refunded_minor == 0
