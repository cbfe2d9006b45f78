"""The orders' admin in a real browser: nothing is cut off, on a desk or on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from config.tests.browser import keep_screenshot, wider_than_its_window
from orders.models import Order
from orders.tests.mirror import put, refund

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "pi_WWWWWWWWWWWWWWWWWWWWWWWW"
CUT_OFF = (
    "() => { const t = document.querySelector('#result_list');"
    " return t.scrollWidth - t.parentElement.clientWidth }"
)


@pytest.mark.parametrize("dark", [False, True])
def test_lists_and_pages_of_orders_fit(
    live_server: Any,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    operator: User,
    paid: Order,
    shop_order: Callable[..., Order],
    dark: bool,
) -> None:
    put(refund(amount=100))
    shop_order(LONG, total_minor=123_456_700, email="a.rather.long.name@example.com")
    url = str(live_server.url)
    for name, size in (("desk", (1440, 900)), ("phone", (390, 844))):
        page = open_page(width=size[0], height=size[1], dark=dark)
        sign_in(page, url, operator.username)
        page.goto(f"{url}/admin/orders/order/")
        if name == "desk":
            assert page.evaluate(CUT_OFF) <= 0
        assert wider_than_its_window(page) <= 0
        keep_screenshot(page, f"orders-{name}{'-dark' * dark}")
        page.goto(url + paid.get_absolute_url())
        assert wider_than_its_window(page) <= 0
        keep_screenshot(page, f"order-{name}{'-dark' * dark}")
