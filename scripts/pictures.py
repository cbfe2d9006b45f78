"""Takes the pictures of README and walkthrough from the demo: ``pictures.py [address]``.

Run it beside ``make demo``, before anybody has mended what the walkthrough mends.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

BASE_DIR = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
# Who sees it, at which address; a link that is followed there.
PICTURES = {
    "executive": ("executive", "/dashboard/?days=30&currency=eur", ""),
    "operator_issue": ("operator", "/admin/", "49.00 EUR captured"),
    "finance_money": ("finance", "/dashboard/money/", ""),
    "auditor_log": ("auditor", "/admin/auditlog/auditevent/?action=order.refund_asked", ""),
}


def sign_in(browser: Browser, url: str, role: str, password: str) -> Page:
    """A window of its own in which that role has signed in."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, device_scale_factor=1.25, color_scheme="light"
    )
    page = context.new_page()
    page.goto(f"{url}/accounts/login/")
    page.fill("[name=username]", role)
    page.fill("[name=password]", password)
    with page.expect_navigation():
        page.click("[type=submit]")
    return page


def main() -> None:
    url = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
    password = (BASE_DIR / ".local" / "demo-password").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (role, path, link) in PICTURES.items():
            page = sign_in(browser, url, role, password)
            for _ in range(60):
                page.goto(f"{url}{path}")
                if "being counted anew" not in page.content():
                    break
                time.sleep(2)
            if link:
                with page.expect_navigation():
                    page.get_by_role("link", name=link).click()
            page.screenshot(path=BASE_DIR / "docs" / "images" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
