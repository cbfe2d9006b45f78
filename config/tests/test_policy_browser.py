"""Every page of the dashboards and the admin in a real browser, with nothing that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from auditlog.access import Who
from config.tests.addresses import filled_addresses
from governance.access import addresses

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from config.tests.browser import Guard

# No pages: refusals, ways out, files, and what answers to forms alone.
NO_PAGES = (
    "admin/(?P<url>",
    "admin/jsi18n/",
    "admin/r/",
    "accounts/second-factor/image.svg",
    "metrics",
)
WAYS_OUT = ("accounts/logout/", "admin/logout/")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_no_page_breaks_the_content_security_policy(
    live_server: Any,
    page: Page,
    guard: Guard,
    sign_in: Callable[..., None],
    superuser: User,
    client: Client,
) -> None:
    guard.expect("Failed to load resource")  # pages that say there is nothing: it isn't about them
    client.force_login(superuser)
    fill = filled_addresses()
    wanted = [
        url
        for one in addresses()
        if one.method == "GET"
        and one.access is not None
        and one.access.who is not Who.NOBODY
        and not one.route.startswith((*NO_PAGES, *WAYS_OUT))
        and ((url := fill(one)) and (one.page or client.head(url).status_code != 405))
    ]
    sign_in(page, live_server.url, superuser.username)
    shown = 0
    for url in wanted:
        answer = page.goto(f"{live_server.url}{url}", wait_until="domcontentloaded")
        assert answer is not None
        assert answer.status < 500, url
        shown += answer.status == 200
    assert shown > 80
    # The guard does hear what it is there for.
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    for _ in range(200):
        if any("style-src-attr refused" in complaint for complaint in guard.complaints):
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("nobody heard of the style")
    guard.complaints.clear()
