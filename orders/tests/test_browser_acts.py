"""The pages on which orders are worked, in a real browser: they fit a desk and a phone, in light
and dark, and work as an operator uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from config.tests.browser import follow, keep_screenshot, wider_than_its_window
from orders.models import Order

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("name", "size", "dark"),
    [("desk", (1440, 900), False), ("desk-dark", (1440, 900), True), ("phone", (390, 844), False)],
)
def test_many_orders_are_fulfilled_and_one_is_made(
    live_server: Any,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    operator: User,
    paid: Order,
    shop_order: Callable[..., Order],
    tmp_path: Path,
    name: str,
    size: tuple[int, int],
    dark: bool,
) -> None:
    shop_order("A-2", total_minor=123_456_700, email="a.rather.long.name@example.com")
    url = str(live_server.url)
    page = open_page(width=size[0], height=size[1], dark=dark)

    def look(what: str) -> None:
        assert wider_than_its_window(page) <= 0, what
        keep_screenshot(page, f"{what}-{name}")

    sign_in(page, url, operator.username)
    page.goto(f"{url}/admin/orders/order/")
    for box in page.locator("input.action-select").all():
        box.check()
    page.locator("select[name=action]").select_option("fulfil")
    follow(page.get_by_role("button", name="Go"))
    look("orders-bulk-confirm")
    page.get_by_label("Reason").fill("parcels of today")
    follow(page.get_by_role("button", name="Mark as fulfilled"))
    assert page.get_by_role("status").inner_text().startswith("1 done, 1 skipped.")
    look("orders-bulk-report")

    follow(page.get_by_role("link", name="Back to the orders"))
    follow(page.get_by_role("link", name="Fulfil from a file"))
    look("orders-file")
    file = tmp_path / "sent.csv"
    file.write_text("order;carrier;tracking;weight\nA-1;UPS;1Z 999\nA-2;UPS;1Z 998;3\n")
    page.get_by_label("CSV file").set_input_files(file)
    follow(page.get_by_role("button", name="See what it would do"))
    assert "0 orders would be fulfilled" in page.get_by_role("status").inner_text()
    look("orders-file-preview")

    page.goto(f"{url}/admin/orders/order/new-order/")
    look("order-new")
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Reason").fill("by telephone")
    page.get_by_label("Description, line 1").fill("A mug")
    page.get_by_label("Each, line 1").fill("5.00")
    follow(page.get_by_role("button", name="Make the order"))
    assert "Say how many" in page.locator("main, #content").first.inner_text()
    look("order-new-mistake")
    page.get_by_label("Quantity, line 1").fill("2")
    follow(page.get_by_role("button", name="Add rows"))
    follow(page.get_by_role("button", name="Make the order"))
    order = Order.objects.get(source="admin")
    assert (order.total_minor, order.lines.count()) == (1000, 1)

    page.goto(f"{url}/admin/orders/order/{order.pk}/note/")
    look("order-note")
    page.goto(f"{url}/admin/orders/order/{order.pk}/cancel/")
    look("order-cancel")
