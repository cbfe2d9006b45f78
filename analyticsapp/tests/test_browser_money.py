"""The money in a real browser: from an amount of the bridge to its rows and back, and the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analyticsapp.services import snapshots
from analyticsapp.tests.trade import Trade
from config.tests.browser import follow, keep_screenshot, wider_than_its_window

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def traded() -> None:
    Trade(seed=11, last=timezone.now()).save()
    snapshots.build_all()
    User.objects.create_superuser("root", password="a-long-test-password")


def test_an_amount_leads_to_its_rows_and_the_bridge_can_be_taken(
    open_page: Callable[..., Page], live_server: Any, sign_in: Callable[..., None], traded: None
) -> None:
    page = open_page()
    sign_in(page, live_server.url, "root")
    page.goto(f"{live_server.url}/dashboard/money/?days=90&currency=eur")
    exchanged = page.get_by_role("row", name="Exchanged JPY → EUR")
    amount = exchanged.get_by_role("link").nth(1)
    shown = str(amount.inner_text()).removeprefix("+").split("from")[0].strip()
    follow(amount)
    assert page.get_by_role("heading", name="Exchanged, row by row").is_visible()
    assert shown in page.locator(".sums").inner_text()
    assert "Exactly the amount that the bridge shows" in page.locator(".verdict").inner_text()
    keep_screenshot(page, "money-rows")
    follow(page.get_by_role("link", name="Money").last)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the bridge as CSV").click()
    assert taken.value.suggested_filename.startswith("bridge-")
    assert "settled_net" in taken.value.path().read_text()


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("light", 1440, False), ("dark", 1280, True), ("phone", 390, False)],
)
def test_all_lines_fit_their_page(
    open_page: Callable[..., Page],
    live_server: Any,
    sign_in: Callable[..., None],
    traded: None,
    name: str,
    width: int,
    dark: bool,
) -> None:
    page = open_page(dark=dark)
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, live_server.url, "root")
    page.goto(f"{live_server.url}/dashboard/money/?days=7&currency=eur")
    assert wider_than_its_window(page) <= 0
    assert page.locator("tr.look").count() > 0
    keep_screenshot(page, f"money-{name}")
