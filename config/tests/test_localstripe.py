"""A foreign peer: somebody else's Stripe pays an order of ours, by its own webhooks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import stripe
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django.fixtures import Settings

from analyticsapp.services import snapshots
from config.tests.processes import WEBHOOK_SECRET, Running
from config.tests.story import eventually, figures, page, post_json
from orders.models import Order
from orders.services.creation import NewOrder, create_order
from orders.states import OrderStatus
from payments.models import Charge, PaymentIntent, Refund, StripeEvent

KEY = "sk_test_localstripe"
CARD: stripe.params.PaymentMethodCreateParamsCard = {
    "number": "4242424242424242",
    "exp_month": 12,
    "exp_year": 2040,
    "cvc": "123",
}


def pay(client: stripe.StripeClient, amount: int, order: str) -> stripe.PaymentIntent:
    """A customer who pays with a card."""
    customer = client.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    method = client.v1.payment_methods.create({"type": "card", "card": CARD})
    client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": method.id,
            "metadata": {"order": order},
            "confirm": True,
        }
    )


@pytest.mark.django_db(transaction=True)
def test_a_foreign_stripe_pays_an_order_and_refunds_part_of_it(
    localstripe: Callable[[], str],
    gunicorn: Callable[..., str],
    worker: Callable[..., Running],
    executive: User,
    settings: Settings,
) -> None:
    peer = localstripe()
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = KEY, peer
    environment = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": peer}
    site = gunicorn(environment)
    worker(environment)
    hook = {"url": f"{site}/stripe/webhook/", "secret": WEBHOOK_SECRET}
    assert post_json(f"{peer}/_config/webhooks/shop", hook) == 200
    order = create_order(
        NewOrder(number="A-1001", currency="eur", total_minor=12_345),
        source=Order.Source.SHOP,
        reason="taken by the shop",
    )

    client = stripe.StripeClient(KEY, base_addresses={"api": peer})
    intent = pay(client, 12_345, order.number)

    def status() -> str:
        return Order.objects.get(pk=order.pk).status

    eventually(lambda: status() == OrderStatus.PAID, "the order is paid")
    event = StripeEvent.objects.get(type="payment_intent.succeeded")
    assert (event.source, event.api_version) == ("webhook", "2017-08-15")
    assert PaymentIntent.objects.get().pk == intent.id
    charge = Charge.objects.get()
    assert (charge.amount_captured, charge.currency) == (12_345, "eur")
    assert not StripeEvent.objects.filter(status__in=["failed", "dead"]).exists()

    # It tells nobody of refunds: they are found by listing.
    made = client.v1.refunds.create({"charge": charge.pk, "amount": 2_345})
    assert not Refund.objects.exists()
    call_command("sync_stripe", "--only=charges,refunds,balance_transactions")
    refund = Refund.objects.get()
    assert (refund.pk, refund.amount) == (made.id, 2_345)
    order.refresh_from_db()
    assert (order.captured_minor, order.refunded_minor) == (12_345, 2_345)
    assert (order.status, order.refund_status) == (OrderStatus.PAID, "partial")

    snapshots.refresh()
    shown = figures(page(f"{site}/dashboard/?days=7&currency=eur", executive))
    assert shown == {
        "Gross captured": "123.45",
        "Refunds": "23.45",
        "Net sales": "100.00",
        "Orders": "1",
        "Average order value": "123.45",
    }
