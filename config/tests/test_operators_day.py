"""An operator's day in a real browser: every process is real, and Stripe is the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from config.tests.browser import follow, keep_screenshot, wider_than_its_window
from config.tests.processes import WEBHOOK_SECRET, Running
from config.tests.story import eventually
from orders.models import Order
from orders.services.creation import NewOrder, create_order
from orders.states import OrderStatus
from payments.models import Refund, RefundRequest
from standin import StandIn

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        yield serving


@pytest.fixture
def site(stripe: StandIn, gunicorn: Callable[..., str], worker: Callable[..., Running]) -> str:
    """The product as it is deployed, with two paid orders: A-1 of 20.00 USD, A-2 of 50.00 USD."""
    environment = {"STRIPE_API_KEY": stripe.secret_key, "STRIPE_API_BASE": stripe.url}
    url = gunicorn(environment)
    worker(environment)
    stripe.add_webhook(f"{url}/stripe/webhook/", WEBHOOK_SECRET)
    for number, total in (("A-1", 2000), ("A-2", 5000)):
        create_order(NewOrder(number, "usd", total), source=Order.Source.SHOP, reason="shop")
        stripe.create_payment(total, metadata={"order": number})
    paid = Order.objects.filter(status=OrderStatus.PAID)
    eventually(lambda: paid.count() == 2, "both orders are paid")
    return url


def test_queue_fulfil_refund_and_what_is_refused(
    site: str,
    stripe: StandIn,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    operator: User,
    auditor: User,
) -> None:
    page = open_page()
    sign_in(page, site, operator.username)

    # The queue leads to a list of as many rows as it counts.
    follow(page.get_by_role("link", name="Orders to fulfil 2"))
    page.get_by_role("link", name="A-1", exact=True).wait_for()
    assert page.locator("#result_list tbody tr").count() == 2
    follow(page.get_by_role("link", name="A-1", exact=True))
    follow(page.get_by_role("link", name="Fulfil"))
    page.get_by_label("Carrier").fill("DHL")
    page.get_by_label("Tracking number").fill("JD0099")
    page.get_by_label("Reason:", exact=True).fill("handed over at noon")
    follow(page.get_by_role("button", name="Mark as fulfilled"))
    page.get_by_text("paid → fulfilled").wait_for()
    page.get_by_text("handed over at noon").first.wait_for()
    page.get_by_text("JD0099").first.wait_for()
    keep_screenshot(page, "day-fulfilled")
    page.goto(f"{site}/admin/")
    follow(page.get_by_role("link", name="Orders to fulfil 1"))

    # More than there is, and why not.
    follow(page.get_by_role("link", name="A-2", exact=True))
    follow(page.get_by_role("link", name="Refund an amount"))
    page.get_by_label("Amount").fill("50.01")
    page.get_by_label("Reason:", exact=True).fill("arrived late")
    follow(page.get_by_role("button", name="Ask Stripe for the refund"))
    page.get_by_text("50.01 USD can't be refunded: 50.00 USD of").wait_for()
    keep_screenshot(page, "day-too-much")
    assert not RefundRequest.objects.exists()

    # A part of it, which Stripe makes later.
    stripe.next_refund("pending")
    page.get_by_label("Amount").fill("12.50")
    follow(page.get_by_role("button", name="Ask Stripe for the refund"))
    page.get_by_text("Refund of 12.50 USD").wait_for()
    # Its webhook may be in the worker's hands while the answer comes in.
    eventually(Refund.objects.filter(status="pending").exists, "the refund is known")
    page.reload()
    page.get_by_text("Refund requested").wait_for()
    page.get_by_text("pending (processing)").wait_for()
    page.get_by_text("Refund pending").wait_for()
    keep_screenshot(page, "day-refund-pending")
    page.goto(f"{site}/admin/")
    page.get_by_role("link", name="Refunds that wait or failed 1").wait_for()
    keep_screenshot(page, "day-queue")
    page.set_viewport_size({"width": 390, "height": 844})
    assert wider_than_its_window(page) <= 0
    keep_screenshot(page, "day-queue-phone")
    page.set_viewport_size({"width": 1440, "height": 900})

    stripe.settle_refunds()
    order = Order.objects.get(number="A-2")
    succeeded = Refund.objects.filter(status="succeeded")
    eventually(succeeded.exists, "the webhook tells that the refund succeeded")
    eventually(lambda: Order.objects.get(pk=order.pk).refunded_minor == 1250, "the order counts it")
    page.goto(site + order.get_absolute_url())
    page.get_by_text("Refund succeeded").wait_for()
    keep_screenshot(page, "day-refund-succeeded")
    page.goto(f"{site}/admin/")
    page.get_by_text("Every refund has arrived.").wait_for()

    # All of it is in the audit log, under the operator's name.
    page = open_page()
    sign_in(page, site, auditor.username)
    page.goto(f"{site}/admin/auditlog/auditevent/")
    for act in ("order.fulfilled", "refund_request.recorded", "refund_request.made"):
        row = page.locator("#result_list tbody tr", has_text=act).first
        row.wait_for()
    done = page.locator("#result_list tbody tr", has_text="order.fulfilled")
    assert operator.username in done.first.inner_text()
    keep_screenshot(page, "day-audit")
