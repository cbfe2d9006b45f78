"""Orders that Stripe makes: from a Checkout session, from an intent that waited, from a charge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from auditlog.models import AuditEvent
from orders.models import Customer, Order, OrderPayment, Product, WaitingPayment
from orders.services.waiting import settle_waiting
from orders.tests.mirror import (
    at,
    charge,
    intent,
    invoice_payment,
    line,
    put,
    refund,
    session,
)
from payments.models import Customer as StripeCustomer
from payments.models import Product as StripeProduct
from payments.models import ReadRequest, StripeEvent

pytestmark = pytest.mark.django_db

LATER = at(1000)


def stripe_customer(id: str = "cus_1", **values):
    return StripeCustomer(id=id, livemode=False, as_of=at(0), created=at(-50), **values)


def stripe_product(id: str = "prod_1", **values):
    return StripeProduct(id=id, livemode=False, as_of=at(0), created=at(-50), **values)


def test_a_paid_session_makes_an_order_with_number_and_time_of_its_intent(heard):
    put(
        intent(),
        charge(),
        session(
            amount_subtotal=1200,
            amount_discount=300,
            amount_tax=100,
            amount_shipping=0,
            email="Ann@Example.com ",
            name="Ann",
            line_items=[line(), line(None, 2, 200)],
        ),
    )
    order = Order.objects.get()
    assert (order.number, order.source, order.status) == ("pi_1", "stripe", "paid")
    assert (order.placed_at, order.paid_at) == (at(0), at(1))
    assert (order.currency, order.total_minor, order.captured_minor) == ("usd", 1000, 1000)
    assert (order.subtotal_minor, order.discount_minor) == (1200, 300)
    assert (order.tax_minor, order.shipping_minor) == (100, 0)
    assert order.customer
    assert (order.email, order.customer.email, order.customer.name) == (
        "ann@example.com",
        "ann@example.com",
        "Ann",
    )
    assert list(order.lines.values_list("position", "product__sku", "quantity", "total_minor")) == [
        (1, "prod_1", 1, 1000),
        (2, None, 2, 200),
    ]
    assert AuditEvent.objects.filter(action="order.created").count() == 1
    assert [(c.before, c.after.status) for c in heard] == [(None, "paid")]


def test_a_session_waits_for_its_intent_which_may_name_another_order(shop_order):
    put(session())
    assert not Order.objects.exists()
    assert ReadRequest.objects.get().kind == "payment_intent"
    shop_order()
    put(intent(order="A-1"))
    assert OrderPayment.objects.get().order.number == "A-1"
    assert not WaitingPayment.objects.exists()


def test_a_session_whose_intent_comes_makes_a_pending_order_that_its_charge_completes():
    put(session())
    put(intent(status="processing"))
    order = Order.objects.get()
    assert (order.number, order.status, order.placed_at) == ("pi_1", "pending", at(0))
    put(intent(), charge())
    order = Order.objects.get()
    assert (order.status, order.payments.count()) == ("paid", 1)


def test_a_session_whose_intent_never_comes_makes_an_order_after_five_minutes():
    put(session())
    settle_waiting(LATER)
    order = Order.objects.get()
    assert (order.number, order.status, order.placed_at) == ("pi_1", "pending", at(-1))
    put(intent())
    put(charge())
    order = Order.objects.get()
    assert (order.status, order.placed_at, order.payments.count()) == ("paid", at(0), 1)


def test_an_unpaid_session_makes_no_order_until_it_is_paid():
    put(intent(status="processing"), session(payment_status="unpaid"))
    assert not Order.objects.exists()
    put(session(payment_status="paid"))
    assert Order.objects.count() == 1


@pytest.mark.parametrize("mode", ["subscription", "setup"])
def test_sessions_of_other_modes_make_no_order(mode):
    put(session(mode=mode, payment_intent_id=None))
    assert not Order.objects.exists()


def test_a_session_that_needed_no_payment_makes_a_paid_order_of_nothing():
    put(
        session(
            payment_intent_id=None,
            payment_status="no_payment_required",
            amount_total=0,
            line_items=[line(total=0)],
        )
    )
    order = Order.objects.get()
    assert (order.number, order.checkout_session_id, order.payment_intent_id) == (
        "cs_1",
        "cs_1",
        None,
    )
    assert (order.status, order.total_minor, order.paid_at) == ("paid", 0, at(1.1))
    assert order.lines.count() == 1
    assert not OrderPayment.objects.exists()


def test_an_open_session_that_will_need_no_payment_makes_no_order():
    put(
        session(
            payment_intent_id=None,
            status="open",
            payment_status="no_payment_required",
            amount_total=0,
        )
    )
    assert not Order.objects.exists()


def test_a_reference_that_names_no_order_still_makes_one():
    put(intent(), charge(), session(client_reference_id="cart-77"))
    assert Order.objects.get().number == "pi_1"


def test_without_a_session_discount_tax_and_shipping_are_unknown():
    put(intent(receipt_email="bob@example.com"), charge())
    settle_waiting(LATER)
    order = Order.objects.get()
    assert (order.subtotal_minor, order.discount_minor) == (None, None)
    assert (order.tax_minor, order.shipping_minor) == (None, None)
    assert order.customer
    assert order.customer.email == "bob@example.com"
    assert not order.lines.exists()


def test_an_intent_that_names_no_order_waits_five_minutes():
    put(intent(as_of=at(2)), charge())
    asked = ReadRequest.objects.get()
    assert (asked.kind, asked.not_before) == ("payment_intent.origin", at(2.5))
    ReadRequest.objects.all().delete()
    assert settle_waiting(at(6.9)) == 0
    assert not Order.objects.exists()
    assert settle_waiting(at(7)) == 1
    order = Order.objects.get()
    assert (order.number, order.status, order.paid_at) == ("pi_1", "paid", at(1))
    assert not WaitingPayment.objects.exists()
    assert settle_waiting(LATER) == 0


def test_the_transition_of_an_order_that_waited_names_event_and_reason():
    put(intent(), charge())
    charged = StripeEvent.objects.get(object_type="charge")
    settle_waiting(LATER)
    moved = Order.objects.get().transitions.get()
    assert (moved.event, moved.reason) == (charged, "named no order within 5 minutes")


def test_asking_where_an_intent_came_from_is_done_once():
    put(intent(), charge())
    put(intent(receipt_email="bob@example.com"))
    assert ReadRequest.objects.get().requested == 1


def test_a_session_in_time_ends_the_waiting():
    put(intent(), charge())
    put(session())
    assert not WaitingPayment.objects.exists()
    assert settle_waiting(LATER) == 0
    assert Order.objects.get().total_minor == 1000


def test_a_session_after_the_order_enriches_the_same_order(mug):
    put(intent(), charge())
    settle_waiting(LATER)
    assert Order.objects.get().lines.count() == 0
    put(session(amount_tax=160, email="ann@example.com", line_items=[line()]))
    order = Order.objects.get()
    mug.refresh_from_db()
    assert (order.status, order.tax_minor, order.email) == ("paid", 160, "ann@example.com")
    assert (order.lines.get().taken, mug.stock) == (1, 2)


def test_lines_may_come_later_than_payment_and_session(mug):
    put(intent(), charge(), session())
    assert Order.objects.get().stock_settled is False
    put(session(line_items=[line(quantity=2)]))
    mug.refresh_from_db()
    assert (Order.objects.get().stock_settled, mug.stock) == (True, 1)


def test_lines_that_come_after_a_full_refund_take_no_stock(mug):
    put(intent(), charge(), session(), refund())
    put(session(line_items=[line()]))
    mug.refresh_from_db()
    order = Order.objects.get()
    assert (order.status, order.lines.get().taken, mug.stock) == ("canceled", 0, 3)


@pytest.mark.parametrize(
    "of_invoice",
    [
        lambda: [intent(invoice_id="in_1"), charge()],
        lambda: [intent(), charge(invoice_id="in_1")],
        lambda: [invoice_payment(), intent(), charge()],
        lambda: [charge(payment_intent_id=None, invoice_id="in_1")],
        lambda: [
            charge(payment_intent_id=None),
            invoice_payment(payment_intent_id=None, charge_id="ch_1"),
        ],
    ],
)
def test_an_invoices_payment_makes_no_order(of_invoice):
    put(*of_invoice())
    assert not WaitingPayment.objects.exists()
    assert settle_waiting(LATER) == 0
    assert not Order.objects.exists()


def test_an_invoice_payment_that_comes_while_it_waits_ends_the_waiting():
    put(intent(), charge())
    put(invoice_payment())
    assert settle_waiting(LATER) == 0
    assert not Order.objects.exists()
    assert not WaitingPayment.objects.exists()


def test_an_intent_that_hasnt_succeeded_doesnt_wait():
    put(intent(status="processing"), charge("ch_0", status="failed"))
    assert settle_waiting(LATER) == 0
    assert not WaitingPayment.objects.exists()


def test_a_charge_without_intent_waits_too_and_is_an_order_by_its_own_id():
    put(charge(payment_intent_id=None, email="Cy@example.com"))
    assert not ReadRequest.objects.exists()
    assert settle_waiting(LATER) == 1
    order = Order.objects.get()
    assert (order.number, order.payment_intent_id, order.status) == ("ch_1", None, "paid")
    assert (order.total_minor, order.placed_at) == (1000, at(0.5))
    assert order.payments.get().payment == "ch_1"
    assert order.customer
    assert order.customer.email == "cy@example.com"


def test_a_captured_charge_whose_intent_never_came_makes_the_intents_order():
    put(charge())
    assert set(ReadRequest.objects.values_list("kind", flat=True)) == {
        "payment_intent",
        "payment_intent.origin",
    }
    settle_waiting(LATER)
    order = Order.objects.get()
    assert (order.number, order.payment_intent_id, order.placed_at) == ("pi_1", "pi_1", at(0.5))
    put(intent())
    order = Order.objects.get()
    assert (order.placed_at, order.status) == (at(0), "paid")


def test_capturing_less_than_authorised_sells_for_less():
    put(
        intent(amount=1000, amount_received=700),
        charge(amount=1000, amount_captured=700),
        refund(amount=300),  # what was never captured
    )
    settle_waiting(LATER)
    order = Order.objects.get()
    assert (order.total_minor, order.captured_minor, order.refunded_minor) == (700, 700, 0)
    assert order.status == "paid"
    put(session(amount_total=1000))
    order = Order.objects.get()
    assert (order.total_minor, order.status) == (1000, "paid")


def test_a_session_of_less_captured_is_paid_whichever_comes_first():
    put(session(amount_total=1000), intent(amount=1000, status="requires_capture"))
    put(intent(amount=1000, amount_received=700), charge(amount=1000, amount_captured=700))
    order = Order.objects.get()
    assert (order.total_minor, order.captured_minor, order.status) == (1000, 700, "paid")


def test_a_number_that_another_order_has_makes_none(shop_order):
    shop_order("pi_1")
    put(intent(), charge(), session())
    assert Order.objects.get().status == "pending"
    assert not OrderPayment.objects.exists()


def test_the_waiting_goes_on_while_the_origin_is_still_to_be_asked(settings):
    settings.STRIPE_API_KEY = "sk_test_1"
    put(intent(as_of=timezone.now()), charge())
    soon = timezone.now() + timedelta(minutes=6)
    assert settle_waiting(soon) == 0
    ReadRequest.objects.update(attempts=1, error="503")  # tried, in vain
    assert settle_waiting(soon) == 1


def test_an_answer_that_doesnt_come_in_a_day_isnt_waited_for(settings):
    settings.STRIPE_API_KEY = "sk_test_1"
    put(intent(), charge())
    assert settle_waiting(timezone.now() + timedelta(hours=25)) == 1


@pytest.mark.parametrize(
    ("arriving", "payload"),
    [
        (session(), {"payment_intent": "pi_1"}),
        (session(), {"payment_intent": {"id": "pi_1"}}),
        (invoice_payment(), {"payment": {"payment_intent": "pi_1"}}),
    ],
)
def test_the_waiting_goes_on_while_the_answer_is_in_the_inbox(arriving, payload):
    put(intent(), charge())
    waiting = StripeEvent.objects.create(
        stripe_id="evt_arriving",
        source="read",
        type="read",
        object_type=arriving.OBJECT,
        object_id=arriving.pk,
        livemode=False,
        as_of=at(3),
        payload={"data": {"object": payload}},
        received_at=at(3),
        not_before=at(3),
    )
    assert settle_waiting(LATER) == 0
    StripeEvent.objects.filter(pk=waiting.pk).update(status="dead")
    assert settle_waiting(LATER) == 1


def test_many_waiting_payments_are_made_in_batches(monkeypatch):
    monkeypatch.setattr("orders.services.waiting.BATCH", 3)
    put(*(intent(f"pi_{n}") for n in range(7)))
    assert settle_waiting(LATER) == 7
    assert Order.objects.count() == 7


def paid(key: str = "1", **values):
    """A session and its intent, which make an order at once."""
    return intent(f"pi_{key}"), session(f"cs_{key}", payment_intent_id=f"pi_{key}", **values)


def test_stripes_customer_is_one_buyer_however_many_orders():
    put(stripe_customer(email="Ann@Example.com", name="Ann"))
    for n in (1, 2):
        put(
            intent(f"pi_{n}", customer_id="cus_1"),
            session(f"cs_{n}", payment_intent_id=f"pi_{n}", email="other@example.com"),
        )
    customer = Customer.objects.get()
    assert (customer.stripe_customer_id, customer.email, customer.name) == (
        "cus_1",
        "ann@example.com",
        "Ann",
    )
    assert customer.orders.count() == 2


def test_a_guest_is_one_buyer_by_address_in_whatever_case():
    put(*paid(email="ann@example.com"))
    put(*paid("2", email=" ANN@example.com"))
    assert Customer.objects.get().orders.count() == 2


def test_a_guest_and_stripes_customer_of_one_address_are_two_buyers():
    put(*paid(email="ann@example.com"))
    put(stripe_customer(email="ann@example.com"))
    put(*paid("2", customer_id="cus_1"))
    assert Customer.objects.count() == 2


def test_a_customer_that_comes_after_its_order_gives_it_a_name():
    put(*paid(customer_id="cus_1"))
    assert Customer.objects.get().name == ""
    put(stripe_customer(email="ann@example.com", name="Ann"))
    assert Customer.objects.get().name == "Ann"
    put(stripe_customer(deleted=True))
    assert Customer.objects.get().name == "Ann"


@pytest.mark.parametrize("email", ["", "nobody", "x" * 10_000 + "@example.com"])
def test_an_address_that_cant_be_one_makes_no_buyer(email):
    put(*paid(email=email))
    assert Order.objects.get().customer is None


def test_a_product_of_stripes_is_made_once_and_follows_its_name():
    put(*paid(line_items=[line(), line("prod_2")]))
    assert set(Product.objects.values_list("sku", "name", "stock")) == {
        ("prod_1", "One prod_1", None),
        ("prod_2", "One prod_2", None),
    }
    put(stripe_product(name="Mug"), *paid("2", line_items=[line()]))
    assert Product.objects.get(sku="prod_1").name == "Mug"
    assert Product.objects.count() == 2
    put(stripe_product(deleted=True, name=""))
    product = Product.objects.get(sku="prod_1")
    assert (product.name, product.active) == ("Mug", False)
