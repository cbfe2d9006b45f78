"""Every page of the dashboard in a real browser: accessible, and no wider than its window.

Pages are found by their addresses. One whose address has a parameter needs an example here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from config.tests.browser import keep_screenshot, wider_than_its_window
from config.tests.lively import lively_shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLACES = ("dashboard/", "exports/")
WEEK = "?from={first}&to={last}&currency=eur"
# By the name of an address: values for its parameters, and its query.
EXAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "reconciliation-rows": ({}, f"{WEEK}&step=settlement&residual=fees"),
    "rows": ({"key": "net_sales"}, WEEK),
    "export": ({"name": "finance"}, ""),
    "money-rows": ({}, f"{WEEK}&line=fee:unspecified"),
}
# https://github.com/dequelabs/axe-core, the script that its package has for browsers.
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
WIDTHS = (1440, 1280, 390)
HEIGHT = 900
Open = Callable[..., "Page"]
SignIn = Callable[..., None]


def patterns(
    found: list[URLPattern | URLResolver], place: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """All addresses, each with the beginning that leads to it."""
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns, place + str(one.pattern))
        else:
            yield place + str(one.pattern), one


def addresses() -> dict[str, str]:
    """The pages below the places of the dashboard, by name."""
    found = {}
    today = timezone.now().date()
    days = {"first": today - timedelta(days=6), "last": today}
    for route, pattern in patterns(get_resolver().url_patterns):
        if route.startswith(PLACES):
            name = str(pattern.name)
            given, query = EXAMPLES.get(name, ({}, ""))
            assert given or "<" not in route, f"{route} needs an example in EXAMPLES"
            found[name] = reverse(name, kwargs=given) + query.format(**days)
    return found


@pytest.fixture
def pages() -> dict[str, str]:
    """Those that answer GET with a page: no download, and none that only takes forms."""
    lively_shop()
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="a-long-test-password"))
    shown = {}
    for name, address in addresses().items():
        response = client.get(address)
        assert response.status_code in (200, 405), address
        if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
            shown[name] = address
    assert {"dashboard", "operations", "reconciliation", "reconciliation-rows"} <= set(shown)
    return shown


def violations(page: Page) -> list[str]:
    """What axe has to say against a page, by all of its rules."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{page.url}: {one['id']}: {one['help']}: {json.dumps([n['html'] for n in one['nodes']])}"
        for one in found
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_accessible_and_no_wider_than_its_window(
    open_page: Open, live_server: Any, sign_in: SignIn, pages: dict[str, str], dark: bool
) -> None:
    page = open_page(dark=dark)
    sign_in(page, live_server.url, "root")
    told: list[str] = []
    for name, address in pages.items():
        page.goto(live_server.url + address)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            if (wider := wider_than_its_window(page)) > 0:
                told.append(f"{address} is {wider} pixels wider than {width}")
            if width != 1280:
                told += violations(page)
                keep_screenshot(page, f"page-{name}-{width}{'-dark' * dark}")
    assert told == []


def test_every_page_is_whole_without_scripts(
    open_page: Open, live_server: Any, sign_in: SignIn, pages: dict[str, str]
) -> None:
    """What a page shows and links to doesn't depend on scripts."""
    with_scripts, without = open_page(), open_page(scripts=False)
    for page in (with_scripts, without):
        sign_in(page, live_server.url, "root")
    for address in pages.values():
        seen = []
        for page in (with_scripts, without):
            page.goto(live_server.url + address)
            main = page.locator("main")
            seen.append((main.locator("tr").count(), main.locator("a[href]:visible").count()))
            page.set_viewport_size({"width": 390, "height": HEIGHT})
            assert wider_than_its_window(page) <= 0, address
            page.set_viewport_size({"width": 1440, "height": HEIGHT})
        assert seen[0] == seen[1], address


FOCUSED = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return {
        html: element.outerHTML.slice(0, 120),
        body: element === document.body,
        marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    };
}"""
MOST_STOPS = 40


def test_every_page_can_be_used_with_the_keyboard(
    page: Page, live_server: Any, sign_in: SignIn, pages: dict[str, str]
) -> None:
    """The first stop skips to the content, and each stop is seen and marked."""
    sign_in(page, live_server.url, "root")
    for address in pages.values():
        page.goto(live_server.url + address)
        page.keyboard.press("Tab")
        assert "skip" in page.evaluate(FOCUSED)["html"], address
        for _ in range(MOST_STOPS):
            stop = page.evaluate(FOCUSED)
            if stop["body"]:
                break
            assert stop["marked"], f"{address}: {stop}"
            assert stop["seen"], f"{address}: {stop}"
            page.keyboard.press("Tab")
        page.goto(live_server.url + address)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.id === 'content'")
