"""The pages in a real browser: no console errors, nothing the policy refuses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from analyticsapp.days import DAY, day_of
from analyticsapp.kpis import BOARD
from analyticsapp.models import DaySnapshot, SnapshotState
from config.tests.browser import Guard, follow, keep_screenshot, wider_than_its_window

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Open = Callable[..., "Page"]
SignIn = Callable[..., None]


@pytest.fixture
def url(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def sold(settings: Any) -> None:
    """Half a year of sales in three currencies, weekends quieter, one bad day."""
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    chance = random.Random(7)
    now = timezone.now()
    rows = []
    for currency, scale, busy in (("eur", 100, 34), ("usd", 110, 12), ("jpy", 45, 5)):
        for n in range(190):
            day = day_of(now) - n * DAY
            orders = int(
                chance.gauss(busy, busy / 6) * (0.6 if day.weekday() > 4 else 1) * (1 - n / 500)
            )
            if n == 0:
                orders //= 3
            value = sum(chance.randint(12, 140) * scale for _ in range(orders))
            refunds = chance.choice([0, 0, 0, 1, 2, 3])
            refunded = refunds * chance.randint(12, 90) * scale
            if n == 12:
                refunds, refunded = orders, value + 30_000
            rows.append(
                DaySnapshot(
                    day=day,
                    currency=currency,
                    gross_minor=value,
                    payments=orders,
                    refunds_minor=refunded,
                    refunds=refunds,
                    orders=orders,
                    order_value_minor=value,
                    built_at=now,
                )
            )
    DaySnapshot.objects.bulk_create(rows)
    SnapshotState.objects.create(refreshed_at=now, time_zone="Europe/Berlin")


@pytest.fixture
def reader() -> User:
    from django.contrib.auth.models import Group

    user = User.objects.create_user("executive", password="a-long-test-password")
    user.groups.add(Group.objects.get(name="executive"))
    return user


def test_the_dashboard_at_7_30_and_90_days(
    page: Page, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    page.goto(f"{url}/dashboard/")
    keep_screenshot(page, "sign-in")
    sign_in(page, url, "executive")
    assert page.url == f"{url}/dashboard/"
    for days in (7, 30, 90):
        follow(page.get_by_role("link", name=f"{days} days"))
        assert page.locator("table.days tbody tr").count() == days
        keep_screenshot(page, f"dashboard-{days}")
    follow(page.get_by_role("link", name="JPY"))
    assert "JPY" in page.locator(".tile").first.inner_text()
    keep_screenshot(page, "dashboard-jpy")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    keep_screenshot(page, "dashboard-print")


def test_the_dashboard_in_the_dark_and_on_a_phone(
    open_page: Open, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    windows: dict[str, dict[str, Any]] = {
        "dark": {"dark": True},
        "phone": {"width": 390, "height": 844},
        "phone-dark": {"width": 390, "height": 844, "dark": True},
        "tablet": {"width": 900, "height": 1000},
    }
    for name, window in windows.items():
        page = open_page(**window)
        sign_in(page, url, "executive")
        assert wider_than_its_window(page) <= 0
        keep_screenshot(page, f"dashboard-{name}")


def test_pointing_at_a_day_shows_its_figures(
    page: Page, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    sign_in(page, url, "executive")
    mark = page.locator(".mark").nth(10)
    assert not mark.locator("text").is_visible()
    mark.locator("rect").hover()
    assert mark.locator("text").is_visible()
    day = day_of(timezone.now()) - 19 * DAY
    assert f"{day.day} {day:%b %Y}" in (mark.text_content() or "")
    keep_screenshot(page, "dashboard-hover")


def test_a_fresh_shop_says_what_to_do(page: Page, url: str, sign_in: SignIn, reader: User) -> None:
    sign_in(page, url, "executive")
    assert page.get_by_role("heading", name="No sales yet").is_visible()
    keep_screenshot(page, "dashboard-empty")


def test_a_young_shop_has_nothing_to_compare_with(
    page: Page, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    DaySnapshot.objects.filter(day__lt=day_of(timezone.now()) - 9 * DAY).delete()
    sign_in(page, url, "executive")
    assert page.locator(".tile").get_by_text("no earlier period").count() == len(BOARD)
    keep_screenshot(page, "dashboard-young")


def test_pages_that_refuse(page: Page, guard: Guard, url: str, sign_in: SignIn) -> None:
    guard.expect("status of 403")
    guard.expect("status of 404")
    User.objects.create_user("nobody", password="a-long-test-password")
    sign_in(page, url, "nobody")
    keep_screenshot(page, "no-role")
    page.goto(f"{url}/dashboard/")
    assert page.get_by_role("heading", name="Your role doesn’t include this page").is_visible()
    keep_screenshot(page, "403")
    page.goto(f"{url}/nowhere/")
    keep_screenshot(page, "404")
    page.goto(f"{url}/admin/")
    assert page.get_by_text("whose role doesn’t include that page").is_visible()
    keep_screenshot(page, "sign-in-as-another")
    page.goto(f"{url}/accounts/password/")
    keep_screenshot(page, "password")


@pytest.mark.parametrize("dark", [False, True])
def test_the_admin_under_our_brand(open_page: Open, url: str, sign_in: SignIn, dark: bool) -> None:
    User.objects.create_superuser("root", password="a-long-test-password")
    page = open_page(dark=dark)
    sign_in(page, url, "root")
    suffix = "-dark" if dark else ""
    for path, name in {
        "/admin/": "admin",
        "/admin/auth/user/": "admin-list",
        "/admin/auth/user/add/": "admin-add",
        f"/admin/auth/user/{User.objects.get().pk}/change/": "admin-change",
    }.items():
        page.goto(f"{url}{path}")
        keep_screenshot(page, f"{name}{suffix}")
    follow(page.get_by_role("link", name="Dashboard"))


def test_every_list_of_the_admin_keeps_to_the_policy(page: Page, url: str, sign_in: SignIn) -> None:
    User.objects.create_superuser("root", password="a-long-test-password")
    sign_in(page, url, "root")
    for model in admin.site._registry:
        page.goto(f"{url}{reverse(admin_urlname(model._meta, 'changelist'))}")  # type: ignore[arg-type]
        assert page.locator("#changelist").count() == 1, model
