"""The reconciliation in a real browser: from the statement to its rows and back, in any light."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, User

from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from config.tests.browser import follow, keep_screenshot, wider_than_its_window
from monitoring.tests.ledgers import at, charge, moved, order, refund, two_days

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WEEK = "?from=2026-02-26&to=2026-03-04"


@pytest.fixture
def url(live_server: Any) -> str:
    return f"{live_server.url}/dashboard/reconciliation/"


@pytest.fixture
def week() -> None:
    """A quiet week in euros and dollars whose last days have everything that can go wrong."""
    for n in range(1, 60):
        when = at(3) - timedelta(days=1 + n % 5, minutes=n * 7)
        amount = 1_900 + n * 437 % 9_000
        charge(f"w{n}", amount, when)
        moved(f"w{n}", amount, when, fee=30 + amount * 29 // 1_000)
        order(f"W-{n}", amount, when, f"w{n}")
        if n % 9 == 0:
            refund(f"r{n}", f"w{n}", amount // 2, when + timedelta(hours=1))
            moved(f"r{n}", -(amount // 2), when + timedelta(hours=1), "refund", source=f"re_r{n}")
    two_days()
    snapshots.build_all()
    DaySnapshot.objects.filter(day=at(3).date(), currency="eur").update(order_value_minor=29_400)


@pytest.fixture
def finance() -> User:
    user = User.objects.create_user("finance", password="a-long-test-password", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


def test_from_the_statement_to_the_rows_of_a_residual_and_back(
    page: Page, url: str, sign_in: Callable[..., None], week: None, finance: User
) -> None:
    sign_in(page, url.split("/dashboard")[0], "finance")
    follow(page.get_by_role("link", name="Reconciliation"))
    assert page.url == url
    assert page.get_by_text("Nothing moved on these days").is_visible()
    keep_screenshot(page, "reconciliation-empty")
    page.get_by_label("From").fill("2026-02-26")
    page.get_by_label("to", exact=True).fill("2026-03-04")
    follow(page.get_by_role("button", name="Show"))
    assert page.locator("table.figures").last.locator("tbody tr").count() == 7
    keep_screenshot(page, "reconciliation")

    line = page.locator(".bridge tbody tr", has=page.get_by_role("link", name="Fees"))
    amount = line.locator("td").first.inner_text()
    follow(line.get_by_role("link"))
    assert page.get_by_role("heading", name="Fees").is_visible()
    assert page.locator("tfoot td").first.inner_text() == amount
    assert page.get_by_text("Rows 1–50 of").is_visible()
    keep_screenshot(page, "reconciliation-rows")
    follow(page.get_by_role("link", name="Later rows"))
    assert page.locator("tfoot td").first.inner_text() == amount
    follow(page.locator(".back").get_by_role("link"))

    follow(page.locator("tbody time[datetime='2026-03-03']"))
    assert page.locator(".period").inner_text() == "3 Mar 2026"
    follow(page.get_by_role("link", name="Snapshot differs"))
    assert page.locator("tfoot td").first.inner_text() == "+1.00"
    follow(page.get_by_role("link", name="A-5"))
    assert "/admin/orders/order/" in page.url
    page.go_back()
    page.go_back()
    follow(page.get_by_role("link", name="USD"))
    assert page.get_by_role("link", name="Settled in another currency").is_visible()

    page.goto(url + WEEK)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    keep_screenshot(page, "reconciliation-print")


def test_the_download_is_a_file(
    page: Page, url: str, sign_in: Callable[..., None], week: None, finance: User
) -> None:
    sign_in(page, url.split("/dashboard")[0], "finance")
    page.goto(url + WEEK)
    with page.expect_download() as started:
        page.get_by_role("button", name="Download these days as CSV").click()
    assert started.value.suggested_filename.startswith("reconciliation-")
    assert started.value.path().read_text().startswith("day,currency,kind,step,line,amount_minor")


@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_fit_a_phone(
    open_page: Callable[..., Page],
    url: str,
    sign_in: Callable[..., None],
    week: None,
    finance: User,
    dark: bool,
) -> None:
    phone = open_page(width=390, height=844, dark=dark)
    sign_in(phone, url.split("/dashboard")[0], "finance")
    phone.goto(url + WEEK)
    keep_screenshot(phone, f"reconciliation-phone{'-dark' * dark}")
    assert wider_than_its_window(phone) <= 0
    follow(phone.get_by_role("link", name="Fees"))
    assert wider_than_its_window(phone) <= 0
    keep_screenshot(phone, f"reconciliation-rows-phone{'-dark' * dark}")
    if dark:
        wide = open_page(dark=True)
        sign_in(wide, url.split("/dashboard")[0], "finance")
        wide.goto(url + WEEK)
        keep_screenshot(wide, "reconciliation-dark")
