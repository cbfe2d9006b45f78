"""The triage in a real browser: a remedy resolves an issue, another is set aside and comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from config.tests.browser import follow, keep_screenshot, wider_than_its_window
from monitoring.models import Issue
from monitoring.services.runs import run_checks
from monitoring.tests.rows import dispute, link, order, paid_order, payment

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def test_triage(live_server: Any, page: Page, sign_in: Callable[..., None], operator: User) -> None:
    payment()
    order("A-1")
    payment("2", amount=1_234_500)
    link(paid_order("A-2", total=1_234_500), "pi_2")
    dispute(id="dp_2", charge_id="ch_2", amount=1_234_500, reason="product_not_received")
    run_checks()
    url = str(live_server.url)

    def look(what: str) -> None:
        """At a desk, in the dark, and on a phone."""
        keep_screenshot(page, what)
        page.emulate_media(color_scheme="dark")
        keep_screenshot(page, f"{what}-dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert wider_than_its_window(page) <= 0, what
        keep_screenshot(page, f"{what}-phone")
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        assert wider_than_its_window(page) <= 0, what

    def status() -> str:
        return page.locator(".issue-status").inner_text()

    def decide(button: str, reason: str, **fields: str) -> None:
        follow(page.get_by_role("link", name=f"{button}…"))
        for label, value in fields.items():
            page.get_by_label(label).fill(value)
        page.get_by_label("Reason").fill(reason)
        if fields:
            look(f"issue-{button.lower()}")
        follow(page.get_by_role("button", name=button))

    # One is mended by its button.
    sign_in(page, url, operator.username)
    page.goto(f"{url}/admin/monitoring/issue/")
    page.locator("#result_list tbody tr").first.wait_for()
    assert page.locator("#result_list tbody tr").count() == 2
    look("issues")
    follow(page.get_by_role("link", name="50.00 EUR captured for no order"))
    assert status() == "open"
    look("issue-open")
    follow(page.get_by_role("link", name="Attach to an order…"))
    page.get_by_label("Order number").fill("A-1")
    page.get_by_label("Reason").fill("told by telephone")
    look("issue-remedy")
    follow(page.get_by_role("button", name="Attach the payment"))
    page.get_by_text("found it gone: the issue is resolved.").first.wait_for()
    assert status() == "resolved"
    page.get_by_text("remedy: Attach to an order").wait_for()
    look("issue-resolved")

    # Another is acknowledged, then muted: out of the list, and back when the mute has ended.
    page.goto(f"{url}/admin/monitoring/issue/")
    follow(page.get_by_role("link", name="12,345.00 EUR disputed"))
    decide("Acknowledge", "asked the warehouse")
    assert status() == "acknowledged"
    follow(page.get_by_role("button", name="Assign to me"))
    page.get_by_text("given to olive").wait_for()
    tomorrow = timezone.now() + timedelta(days=1)
    decide("Mute", "the carrier answers tomorrow", Until=f"{tomorrow:%Y-%m-%d}")
    assert status() == "muted"
    page.get_by_text("the carrier answers tomorrow").first.wait_for()
    look("issue-muted")
    its_page = page.url
    page.goto(f"{url}/admin/monitoring/issue/")
    page.get_by_text("Nothing needs someone.").wait_for()
    page.goto(f"{url}/admin/monitoring/issue/?status=muted")
    page.get_by_role("link", name="12,345.00 EUR disputed").wait_for()
    look("issues-muted")
    run_checks(["dispute_needs_answer"], now=timezone.now() + timedelta(days=2))
    page.goto(its_page)
    assert status() == "open"
    page.get_by_text("its mute ended").first.wait_for()
    look("issue-re-opened")

    # Its order shows it too, and many are decided about at once.
    page.goto(f"{url}/admin/orders/order/{order_of('A-2')}/change/")
    page.get_by_role("link", name="12,345.00 EUR disputed").first.wait_for()
    look("order-with-issue")
    page.goto(f"{url}/admin/monitoring/issue/")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("accept")
    follow(page.get_by_role("button", name="Go"))
    page.get_by_label("Reason").fill("we let them have it")
    look("issues-accept")
    follow(page.get_by_role("button", name="Accept"))
    assert page.get_by_role("status").inner_text().startswith("1 done.")
    run_checks()
    assert Issue.objects.get(subject_id="dp_2").status == "accepted"


def order_of(number: str) -> int:
    from orders.models import Order

    return Order.objects.get(number=number).pk
