"""The whole way: a checkout at Stripe becomes an order, money and a page; refund and dispute by
webhook. Every process is real, and Stripe is the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import stripe
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from analyticsapp.services import snapshots
from config.tests.processes import WEBHOOK_SECRET, Running
from config.tests.story import eventually, figures, page
from orders.models import Order
from orders.states import OrderStatus
from payments.models import Charge, Dispute, Refund, StripeEvent
from payments.refund_requests import Wish, record_wishes
from payments.refund_sending import send_due
from standin import StandIn


@pytest.fixture
def standin(settings: Settings) -> Iterator[StandIn]:
    with StandIn(settlement=("eur",)) as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        yield serving


def check_out(client: stripe.StripeClient, standin: StandIn, quantity: int) -> str:
    """A customer buys lamps of 25.00 EUR; the payment intent's id."""
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer_email": "ada@example.com",
            "success_url": "https://shop.example.com/thanks",
            "line_items": [
                {
                    "quantity": quantity,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 2_500,
                        "product_data": {"name": "Lamp"},
                    },
                }
            ],
        }
    )
    return str(standin.complete_checkout(session.id)["payment_intent"])


@pytest.mark.django_db(transaction=True)
def test_a_checkout_becomes_an_order_and_refund_and_dispute_come_by_webhook(
    standin: StandIn,
    gunicorn: Callable[..., str],
    worker: Callable[..., Running],
    executive: User,
) -> None:
    environment = {"STRIPE_API_KEY": standin.secret_key, "STRIPE_API_BASE": standin.url}
    site = gunicorn(environment)
    worker(environment)
    standin.add_webhook(f"{site}/stripe/webhook/", WEBHOOK_SECRET)
    client = stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url})

    kept, returned = check_out(client, standin, 4), check_out(client, standin, 2)
    paid = Order.objects.filter(status=OrderStatus.PAID)
    eventually(lambda: paid.count() == 2, "both orders are paid")
    order = Order.objects.get(payment_intent=kept)
    assert (order.number, order.source) == (kept, Order.Source.STRIPE)
    assert (order.total_minor, order.captured_minor, order.currency) == (10_000, 10_000, "eur")
    assert order.email == "ada@example.com"

    # Its lines come through the API alone, and nobody has to ask for them.
    eventually(lambda: order.lines.exists(), "the order has its lines")
    assert [(line.description, line.quantity) for line in order.lines.all()] == [("Lamp", 4)]

    # A refund asked for here, one made in Stripe's dashboard, and a bank that objects.
    charge, other = (Charge.objects.get(payment_intent=intent) for intent in (kept, returned))
    record_wishes([Wish(uuid4(), charge.pk, 1_500, "duplicate", "paid twice")])
    send_due()
    client.v1.refunds.create({"charge": other.pk})
    standin.create_dispute(charge.pk)
    eventually(
        lambda: Order.objects.filter(status=OrderStatus.CANCELED).exists(),
        "the order that was refunded whole is canceled",
    )
    eventually(lambda: Dispute.objects.exists(), "the dispute is known")
    assert standin.wait_idle()
    eventually(
        lambda: not StripeEvent.objects.filter(status__in=StripeEvent.OPEN).exists(),
        "everything is processed",
    )
    order.refresh_from_db()
    assert (order.status, order.refund_status) == (OrderStatus.PAID, "partial")
    assert order.refunded_minor == 1_500
    assert Order.objects.get(payment_intent=returned).refund_status == "full"
    assert Dispute.objects.get().status == "needs_response"
    assert Refund.objects.filter(status="succeeded").count() == 2
    assert {delivery["status"] for delivery in standin.deliveries()} == {200}
    assert not StripeEvent.objects.filter(status="dead").exists()

    snapshots.refresh()
    shown = figures(page(f"{site}/dashboard/?days=7&currency=eur", executive))
    assert shown == {
        "Gross captured": "150.00",
        "Refunds": "65.00",
        "Net sales": "85.00",
        "Orders": "2",
        "Average order value": "75.00",
    }
