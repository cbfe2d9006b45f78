"""Payments that name no order, attached to one by a person."""

from __future__ import annotations

import pytest

from auditlog.models import AuditEvent
from orders.models import OrderPayment, WaitingPayment
from orders.services.attaching import AttachImpossible, attach_payment
from orders.services.handling import ReasonMissing
from orders.tests.mirror import charge, intent, invoice_payment, put, refund

pytestmark = pytest.mark.django_db


def test_it_pays_the_order_with_its_cause(shop_order):
    shop_order()
    put(intent(), charge())
    order = attach_payment("pi_1", " A-1 ", reason="told by telephone")
    assert (order.status, order.captured_minor) == ("paid", 1000)
    assert order.transitions.get(to_status="paid").reason == "told by telephone"
    event = AuditEvent.objects.get(action="order.payment_attached")
    assert (event.target_id, event.reason, event.after) == (
        str(order.pk),
        "told by telephone",
        {"payment": "pi_1"},
    )


def test_what_is_heard_of_it_later_counts_for_the_order(shop_order):
    shop_order()
    put(intent(), charge())
    order = attach_payment("pi_1", "A-1", reason="told")
    put(charge(amount_refunded=400), refund(amount=400))
    order.refresh_from_db()
    assert (order.status, order.refunded_minor) == ("paid", 400)


def test_a_bare_charge_too_and_it_waits_no_longer(shop_order, settings):
    settings.ORDERS_FROM_STRIPE = "auto"
    shop_order()
    put(charge(payment_intent_id=None))
    assert WaitingPayment.objects.exists()
    assert attach_payment("ch_1", "A-1", reason="told").status == "paid"
    assert not WaitingPayment.objects.exists()


@pytest.mark.parametrize(
    ("payment", "number", "why"),
    [
        ("pi_9", "A-1", "there is no payment pi_9"),
        ("pi_1", "A-9", "there is no order A-9"),
        ("pi_2", "A-1", "pi_2 belongs to order A-2 already"),
        ("pi_3", "A-1", "pi_3 is in EUR, order A-1 in USD"),
        ("pi_4", "A-1", "pi_4 paid an invoice"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(shop_order, payment, number, why):
    shop_order()
    shop_order("A-2")
    put(intent(), charge())
    put(intent("pi_2", order="A-2"), charge("ch_2", payment_intent_id="pi_2"))
    put(intent("pi_3", currency="eur"), charge("ch_3", payment_intent_id="pi_3", currency="eur"))
    put(
        intent("pi_4"),
        charge("ch_4", payment_intent_id="pi_4"),
        invoice_payment(payment_intent_id="pi_4"),
    )
    with pytest.raises(AttachImpossible, match=why):
        attach_payment(payment, number, reason="told")
    assert list(OrderPayment.objects.values_list("payment", flat=True)) == ["pi_2"]
    assert not AuditEvent.objects.filter(action="order.payment_attached").exists()


def test_it_needs_a_reason(shop_order):
    shop_order()
    put(intent(), charge())
    with pytest.raises(ReasonMissing):
        attach_payment("pi_1", "A-1", reason=" ")
    assert not OrderPayment.objects.exists()
