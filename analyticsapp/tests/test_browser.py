"""The pages in a real browser: no console errors, nothing the policy refuses."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from analyticsapp.days import DAY, day_of
from analyticsapp.kpis import BOARD
from analyticsapp.models import DaySnapshot, DirtyDay, ProductDay, SnapshotState, WindowDay
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import charge, order, refund
from config.tests.browser import Guard, follow, keep_screenshot, wider_than_its_window
from orders.models import Product

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Open = Callable[..., "Page"]
SignIn = Callable[..., None]


@pytest.fixture
def url(live_server: Any) -> str:
    return str(live_server.url)


PRODUCTS = (
    ("Hand grinder, steel burrs", 8_900),
    ("Gooseneck kettle with a rather long name, 0.9 l", 7_400),
    ("House blend, 1 kg", 2_900),
    ("Pour-over set, porcelain", 4_800),
    ("Digital scale, 0.1 g", 3_900),
    ("Single origin, 250 g", 1_450),
    ("Cleaning kit", 1_650),
)


@pytest.fixture
def sold(settings: Any) -> None:
    """Fourteen months of sales in three currencies, weekends quieter, one bad day."""
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    chance = random.Random(7)
    now = timezone.now()
    days, of_products, windows = [], [], []
    products = Product.objects.bulk_create(
        Product(sku=f"P{n}", name=name, created_at=now) for n, (name, _) in enumerate(PRODUCTS)
    )
    for currency, scale, busy in (("eur", 100, 34), ("usd", 110, 12), ("jpy", 45, 5)):
        for n in range(430):
            day = day_of(now) - n * DAY
            orders = int(
                chance.gauss(busy, busy / 6) * (0.6 if day.weekday() > 4 else 1) * (1 - n / 700)
            )
            if n == 0:
                orders //= 3
            value = sum(chance.randint(12, 140) * scale for _ in range(orders))
            refunds = chance.choice([0, 0, 0, 1, 2, 3])
            refunded = refunds * chance.randint(12, 90) * scale
            if n == 12:
                refunds, refunded = orders, value + 30_000
            days.append(
                DaySnapshot(
                    day=day,
                    currency=currency,
                    gross_minor=value,
                    payments=orders,
                    refunds_minor=refunded,
                    refunds=refunds,
                    orders=orders,
                    order_value_minor=value,
                    refunded_orders=min(refunds, orders),
                    discounts_minor=value // 30,
                    discounts_unknown=orders // 9,
                    tax_minor=value // 6,
                    shipping_minor=490 * orders,
                    units=2 * orders,
                    attempts=orders + 2,
                    failures=2,
                    fulfilled=orders,
                    fulfilment_seconds=orders * 100_000,
                    built_at=now,
                )
            )
            for product, (_, price) in zip(products, PRODUCTS, strict=True):
                units = chance.randint(0, 6)
                of_products.append(
                    ProductDay(
                        day=day,
                        currency=currency,
                        product=product,
                        orders=units,
                        units=units,
                        sales_minor=units * price * scale // 100,
                        built_at=now,
                    )
                )
            windows += [
                WindowDay(
                    day=day,
                    currency=currency,
                    span=span,
                    new_customers=chance.randint(200, 260),
                    returning_customers=chance.randint(90, 120),
                    built_at=now,
                )
                for span in WindowDay.Span
            ]
    DaySnapshot.objects.bulk_create(days)
    ProductDay.objects.bulk_create(of_products)
    WindowDay.objects.bulk_create(windows)
    SnapshotState.objects.create(refreshed_at=now, time_zone="Europe/Berlin")


@pytest.fixture
def reader() -> User:
    from django.contrib.auth.models import Group

    user = User.objects.create_user("executive", password="a-long-test-password")
    user.groups.add(Group.objects.get(name="executive"))
    return user


def test_the_dashboard_of_days_months_and_quarters(
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
    period = page.get_by_role("navigation", name="Months and quarters")
    for n, name in enumerate(("month", "month-so-far", "quarter")):
        follow(period.get_by_role("link").nth(n))
        assert period.get_by_role("link").nth(n).get_attribute("aria-current") == "true"
        compared = page.locator(".tile .by", has_text="a year before").count()
        assert compared == (len(BOARD) if name != "quarter" else 0)
        keep_screenshot(page, f"dashboard-{name}")
    follow(page.get_by_role("link", name="Earlier: "))
    follow(page.get_by_role("navigation", name="Currency").get_by_role("link", name="JPY"))
    assert "JPY" in page.locator(".tile").first.inner_text()
    keep_screenshot(page, "dashboard-jpy")


def test_any_days_are_chosen_without_scripts(
    open_page: Open, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    page = open_page(scripts=False)
    sign_in(page, url, "executive")
    first, last = (day_of(timezone.now()) - n * DAY for n in (45, 5))
    page.locator("[name=from]").fill(str(first))
    page.locator("[name=to]").fill(str(last))
    follow(page.get_by_role("button", name="Show"))
    assert page.locator("table.days tbody tr").count() == 41
    assert "only for 7, 30 and 90 days" in page.locator("table.more").inner_text()
    keep_screenshot(page, "dashboard-range")
    page.goto(f"{url}/dashboard/?from={last}&to={first}")
    assert "the first day comes first" in page.get_by_role("alert").inner_text()
    keep_screenshot(page, "dashboard-error")
    page.goto(f"{url}/dashboard/?from={last - 300 * DAY}&to={last}")
    assert page.locator("table.days tbody tr").count() in (10, 11)
    keep_screenshot(page, "dashboard-by-month")


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


def test_the_dashboard_prints_on_one_sheet(
    page: Page, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    sign_in(page, url, "executive")
    for query in ("days=90&currency=jpy", "quarter=2026-Q3&currency=eur"):
        page.goto(f"{url}/dashboard/?{query}")
        paper = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, query
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1047})  # A4 less its margins
    keep_screenshot(page, "dashboard-print")


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


def test_a_figure_leads_to_its_rows_and_they_add_up_to_it(
    open_page: Open, url: str, sign_in: SignIn, reader: User
) -> None:
    now = timezone.now()
    for n in range(70):
        paid = charge(1_000 + 7 * n, now - n * timedelta(hours=7), payment_method_type="card")
        order(now - n * timedelta(hours=7), 1_000 + 7 * n)
    refund(paid, 500, now)
    snapshots.refresh()
    windows: dict[str, dict[str, Any]] = {
        "": {},
        "-dark": {"dark": True},
        "-phone": {"width": 390, "height": 844},
    }
    for name, window in windows.items():
        page = open_page(**window)
        sign_in(page, url, "executive")
        tile = page.locator(".tile", has_text="Net sales")
        shown = tile.locator(".figure").inner_text().split()[0]
        follow(tile.locator(".figure a"))
        assert page.locator("tfoot td").first.inner_text() == shown
        assert f"Exactly the figure that the dashboard shows, {shown}." in page.inner_text("main")
        keep_screenshot(page, f"rows{name}")
    follow(page.get_by_role("link", name="Older rows"))
    assert page.locator("tbody tr").count() == 21
    page.goto(f"{url}/dashboard/rows/aov/?days=30&currency=eur")
    keep_screenshot(page, "rows-ratio-phone")
    page.goto(f"{url}/dashboard/rows/aov/?from=2025-01-01&to=2026-11-01&currency=eur")
    keep_screenshot(page, "rows-by-month-phone")


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


def test_figures_that_are_being_counted_say_so(
    page: Page, url: str, sign_in: SignIn, sold: None, reader: User
) -> None:
    SnapshotState.objects.update(refreshed_at=timezone.now() - timedelta(hours=3))
    DirtyDay.objects.create(day=day_of(timezone.now()), created_at=timezone.now())
    sign_in(page, url, "executive")
    assert "being counted anew" in page.inner_text("main")
    assert "hours old" in page.inner_text("main").replace("\xa0", " ")
    keep_screenshot(page, "dashboard-running")


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
