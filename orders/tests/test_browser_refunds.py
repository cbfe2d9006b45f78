"""Refunding lines in a real browser: proposed, changed, asked for, shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from config.tests.browser import follow, keep_screenshot, wider_than_its_window
from orders.models import Order, Product
from orders.services.creation import NewLine, NewOrder, create_order
from orders.tests.mirror import at
from payments import inbox, processing
from payments.models import Source
from standin import StandIn

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        yield serving


@pytest.fixture
def bought(stripe: StandIn) -> Order:
    """Three mugs and their wrapping, paid at the stand-in."""
    Product.objects.create(sku="MUG", name="Mug", stock=4, created_at=at(0))
    order = create_order(
        NewOrder(
            "A-1",
            "usd",
            1200,
            lines=[NewLine("A mug", 3, 1000, "MUG"), NewLine("Wrapping as a gift", 1, 200)],
        ),
        source=Order.Source.SHOP,
        reason="from the shop",
    )
    stripe.create_payment(1200, metadata={"order": "A-1"})
    inbox.store(stripe.events_since(0), Source.WEBHOOK)
    processing.drain()
    return order


def test_lines_are_refunded_and_shown(
    live_server: Any,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    operator: User,
    bought: Order,
    stripe: StandIn,
) -> None:
    url = str(live_server.url)
    page = open_page(width=390, height=844)
    sign_in(page, url, operator.username)
    page.goto(f"{url}/admin/orders/order/{bought.pk}/refund_lines/")
    assert wider_than_its_window(page) <= 0
    keep_screenshot(page, "refund-lines-phone")

    page = open_page()
    sign_in(page, url, operator.username)
    page.goto(url + bought.get_absolute_url())
    follow(page.get_by_role("link", name="Refund lines"))
    page.get_by_label("Units of A mug to refund").fill("2")
    page.get_by_label("Reason:", exact=True).fill("two arrived broken")
    follow(page.get_by_role("button", name="Ask Stripe for the refund"))
    page.get_by_text("The lines come to 6.66 USD").wait_for()
    assert page.get_by_label("Amount").input_value() == "6.66"
    keep_screenshot(page, "refund-lines-desk")
    page.get_by_label("Amount").fill("6.00")
    stripe.next_refund("pending")
    follow(page.get_by_role("button", name="Ask Stripe for the refund"))
    page.get_by_text("Refund of 6.00 USD: pending (processing)").wait_for()
    page.get_by_text("2 × A mug, to go back into stock").wait_for()
    keep_screenshot(page, "refund-pending-desk")
    stripe.settle_refunds()
    inbox.store(stripe.events_since(0), Source.WEBHOOK)
    processing.drain()
    page.reload()
    page.get_by_text("2 × A mug, 2 back in stock").wait_for()
    assert Product.objects.get().stock == 3
