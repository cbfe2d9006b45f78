"""The admin's pages in a real browser: nothing is wider than a phone, or dark on dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.urls import reverse

from config.tests.rows import build
from monitoring.models import CheckRun
from orders.models import Order, OrderPayment
from payments.models import CheckoutSession, StripeEvent

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG = "cs_test_" + "a1B2c3D4e5" * 6
RESULT = {
    "check": "payment_without_order",
    "found": 1,
    "opened": 1,
    "reopened": 0,
    "resolved": 0,
    "milliseconds": 1234,
    "error": "OperationalError: the server closed the connection unexpectedly",
}
# Right edges, in pixels, of what can be seen nowhere: outside of the page and of all that scrolls.
LOST = """() => [...document.querySelectorAll("main *")].filter(element => {
    if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let box = element.parentElement; box; box = box.parentElement) {
        const overflow = getComputedStyle(box).overflowX;
        if (overflow === "auto" || overflow === "scroll") return false;
        if (overflow === "hidden") return true;
    }
    return true;
}).map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_lost_at_the_edge(
    live_server: Any,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    width: int,
) -> None:
    User.objects.create_superuser("root", password="a-long-test-password")
    session = build(CheckoutSession, id=LONG, payment_intent_id="pi_1")
    order = build(Order, number="pi_3QxYz" + "a1B2c3D4e5" * 2, total_minor=123_456_789)
    build(OrderPayment, order=order, payment="pi_1")
    event = build(
        StripeEvent, object_type="checkout.session", object_id=LONG, stripe_id=f"read_{LONG}_123"
    )
    run = build(CheckRun, results=[RESULT])
    page = open_page(width=width, dark=True)
    sign_in(page, live_server.url, "root")
    for row in (session, event, run):
        for name, args in (("changelist", []), ("change", [quote(str(row.pk))])):
            meta = row._meta
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)
            page.goto(f"{live_server.url}{url}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, url
            assert page.evaluate(LOST) == [], url
    # The button's ground is dark in both themes, so its word must not be.
    color = "element => getComputedStyle(element).color"
    assert page.get_by_role("link", name="Close").evaluate(color) == "rgb(231, 234, 240)"
