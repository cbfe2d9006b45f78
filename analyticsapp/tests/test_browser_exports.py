"""The page of exports in a real browser: choosing, downloading, and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from analyticsapp.exports import PACKS
from analyticsapp.services import snapshots
from analyticsapp.tests.files import parsed, unpacked
from analyticsapp.tests.shop import charge, order
from auditlog.models import AuditEvent
from config.tests.browser import follow, keep_screenshot, wider_than_its_window

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Open = Callable[..., "Page"]
SignIn = Callable[..., None]


@pytest.fixture
def url(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def sold() -> None:
    now = timezone.now()
    for amount, currency in ((12_345, "eur"), (700, "jpy")):
        charge(amount, now, currency=currency)
        order(now, amount, currency=currency, email="ann@example.com")
    snapshots.refresh()


def person(role: str) -> User:
    user = User.objects.create_user(role, password="a-long-test-password", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    """The name of the file and what is in it."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_choosing_days_and_a_currency_and_taking_a_file_and_a_pack(
    page: Page, url: str, sign_in: SignIn, sold: None
) -> None:
    person("finance")
    sign_in(page, url, "finance")
    follow(page.get_by_role("link", name="Exports"))
    follow(page.get_by_role("link", name="7 days"))
    page.get_by_label("Currency").select_option("jpy")
    name, content = downloaded(page, "CSV of Orders")
    assert name.startswith("orders-")
    assert [row["captured"] for row in parsed(content)] == ["700"]
    name, content = downloaded(page, "Download all as zip of Finance")
    assert name.startswith("countinghouse-finance-")
    files, manifest = unpacked(content)
    assert manifest["currency"] == "jpy"
    assert (len(manifest["files"]), len(files)) == (11, 11)
    page.reload()
    taken = page.get_by_role("region", name="Taken lately").locator("tbody tr")
    assert taken.count() == 2
    assert "finance pack" in taken.first.inner_text()
    page.get_by_text("13 columns").first.click()
    assert page.get_by_text("What recurred each month then").is_visible()
    keep_screenshot(page, "exports")


def test_personal_data_has_to_be_asked_for(
    page: Page, url: str, sign_in: SignIn, sold: None
) -> None:
    person("operator")
    sign_in(page, url, "operator")
    page.goto(f"{url}/exports/")
    assert b"ann@example.com" not in downloaded(page, "CSV of Orders to fulfil")[1]
    page.get_by_label("with personal data").check()
    assert b"ann@example.com" in downloaded(page, "CSV of Orders to fulfil")[1]
    personal = AuditEvent.objects.filter(action="analytics.exported", after__personal_data=True)
    assert personal.count() == 1


def test_the_page_in_the_dark_and_on_a_phone(
    open_page: Open, url: str, sign_in: SignIn, sold: None
) -> None:
    person("administrator")
    windows: dict[str, dict[str, Any]] = {
        "dark": {"dark": True},
        "phone": {"width": 390, "height": 844},
    }
    for name, window in windows.items():
        page = open_page(**window)
        sign_in(page, url, "administrator")
        page.goto(f"{url}/exports/")
        assert page.locator(".pack-head").count() == len(PACKS)
        assert wider_than_its_window(page) <= 0
        page.locator("summary").first.click()
        assert wider_than_its_window(page) <= 0
        keep_screenshot(page, f"exports-{name}")
