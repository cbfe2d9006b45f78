"""Takes the README's picture of the executive's page from the demo: ``picture.py [address]``.

Run it beside ``make demo``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

BASE_DIR = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"


def main() -> None:
    url = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
    password = (BASE_DIR / ".local" / "demo-password").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1200, "height": 860}, device_scale_factor=1.5, color_scheme="light"
        )
        page = context.new_page()
        page.goto(f"{url}/accounts/login/")
        page.fill("[name=username]", "executive")
        page.fill("[name=password]", password)
        with page.expect_navigation():
            page.click("[type=submit]")
        for _ in range(60):
            page.goto(f"{url}/dashboard/?days=30&currency=eur")
            if "being counted anew" not in page.content():
                break
            time.sleep(2)
        page.screenshot(path=BASE_DIR / "docs" / "images" / "executive.png")
        browser.close()


if __name__ == "__main__":
    main()
