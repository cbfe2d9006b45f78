"""Currencies of every kind, from what Stripe sends to what people see and enter."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from analyticsapp.services import snapshots
from orders.models import Order
from orders.services.creation import NewLine, NewOrder, create_order
from payments.models import Dispute, StripeEvent
from payments.processing import drain
from payments.tests.stripe_events import body
from payments.tests.test_webhook import SECRET, post
from standin import StandIn

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Kind:
    """An order's total in minor units and as it is seen; what a person enters to refund a part,
    what Stripe gets, what is then seen, and what is left."""

    currency: str
    total: int
    seen: str
    entered: str
    asked: int
    refunded: str
    left: str
    too_fine: str


KINDS = [
    Kind("gbp", 123_456, "1,234.56 GBP", "34.56", 3_456, "34.56 GBP", "1,200.00 GBP", "1.001"),
    Kind("jpy", 1_000, "1,000 JPY", "400", 400, "400 JPY", "600 JPY", "0.5"),
    Kind("kwd", 1_230, "1.230 KWD", "0.23", 230, "0.230 KWD", "1.000 KWD", "0.234"),
    Kind("isk", 100_000, "1,000.00 ISK", "400", 40_000, "400.00 ISK", "600.00 ISK", "0.50"),
    Kind("ugx", 500_000, "5,000.00 UGX", "4,000", 400_000, "4,000.00 UGX", "1,000.00 UGX", "1.5"),
]
ZERO = {"gbp": "0.00", "jpy": "0", "kwd": "0.000", "isk": "0.00", "ugx": "0.00"}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.currency)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@dataclass
class Sold:
    """An order that was paid at Stripe; what happened there comes by webhook."""

    order: Order
    stripe: StandIn
    heard: int = 0

    def hear(self) -> None:
        events = self.stripe.events_since(0)
        for event in events[self.heard :]:
            assert post(body(event)).status_code == 200
        self.heard = len(events)
        drain()
        assert not StripeEvent.objects.exclude(status__in=("processed", "ignored")).exists()
        self.order.refresh_from_db()

    @property
    def charge(self) -> str:
        return str(self.stripe.api("GET", "/v1/charges", {})["data"][0]["id"])


@pytest.fixture
def standin(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


@pytest.fixture
def sold(kind: Kind, standin: StandIn, settings: Settings) -> Sold:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    order = create_order(
        NewOrder("A-1", kind.currency, kind.total, lines=[NewLine("Tea", 1, kind.total)]),
        source=Order.Source.SHOP,
        reason="from the shop",
    )
    standin.create_payment(kind.total, kind.currency, metadata={"order": "A-1"})
    sold = Sold(order, standin)
    sold.hear()
    assert (sold.order.status, sold.order.captured_minor) == ("paid", kind.total)
    return sold


@pytest.fixture
def desk(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def seen(client: Client, url: str, **query: str) -> str:
    """The page as a person reads it."""
    text = client.get(url, query).content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", text)))


def refund(desk: Client, sold: Sold, amount: str) -> Any:
    url = reverse("admin:orders_order_refund", args=[sold.order.pk])
    form = desk.get(url).context["form"]
    values = {field.html_name: field.value() or "" for field in form}
    return desk.post(
        url, {**values, "charge": sold.charge, "amount": amount, "reason": "arrived broken"}
    )


def test_the_orders_page_and_list(kind, sold, desk):
    assert kind.seen in seen(desk, sold.order.get_absolute_url())
    assert kind.seen in seen(desk, reverse("admin:orders_order_changelist"))


@pytest.mark.parametrize("model", ["paymentintent", "charge"])
def test_the_pages_of_the_payment(kind, sold, desk, model):
    assert kind.seen in seen(desk, reverse(f"admin:payments_{model}_changelist"))


def test_a_refund_is_entered_asked_and_seen(kind, sold, desk):
    url = reverse("admin:orders_order_refund", args=[sold.order.pk])
    assert kind.seen in seen(desk, url)
    assert refund(desk, sold, kind.entered).status_code == 302
    [made] = sold.stripe.api("GET", "/v1/refunds", {})["data"]
    assert (made["amount"], made["currency"]) == (kind.asked, kind.currency)
    sold.hear()
    assert sold.order.refunded_minor == kind.asked
    assert kind.refunded in seen(desk, sold.order.get_absolute_url())
    assert kind.refunded in seen(desk, reverse("admin:payments_refund_changelist"))
    assert kind.left in seen(desk, url)


def test_a_refund_that_is_finer_than_stripe_takes_is_refused_here(kind, sold, desk):
    response = refund(desk, sold, kind.too_fine)
    assert response.status_code == 200
    assert response.context["form"].errors["amount"]
    assert sold.stripe.api("GET", "/v1/refunds", {})["data"] == []


def test_a_dispute(kind, sold, desk):
    sold.stripe.create_dispute(sold.charge)
    sold.hear()
    assert Dispute.objects.get().amount == kind.total
    assert kind.seen in seen(desk, reverse("admin:payments_dispute_changelist"), answer="needed")


def test_the_dashboard(kind, sold, desk):
    sold.stripe.api("POST", "/v1/refunds", {"charge": sold.charge, "amount": kind.asked})
    sold.hear()
    snapshots.refresh()
    text = seen(desk, reverse("dashboard"), currency=kind.currency, days="7")
    gross, refunded, net = (
        amount.removesuffix(f" {kind.currency.upper()}")
        for amount in (kind.seen, kind.refunded, kind.left)
    )
    assert f"in {kind.currency.upper()}" in text
    for figure in (gross, refunded, net):
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d.,]*\d)", text), figure
    assert ZERO[kind.currency] in text


def test_the_export(kind, sold, desk):
    response = desk.post(reverse("admin:orders_order_export"))
    [row] = csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode()))
    assert (row["total_minor"], row["currency"]) == (str(kind.total), kind.currency)
    assert f"{row['total']} {kind.currency.upper()}" == kind.seen.replace(",", "")
