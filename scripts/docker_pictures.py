"""Pictures of a deployment by Docker, taken in its test image: ``docker_pictures.py FOLDER < log``.

The proxy is reached under the name that its certificate is for. The password of the user ``proof``
is in ``DJANGO_SUPERUSER_PASSWORD``; production asks them for a second factor, so one is set up.
"""

from __future__ import annotations

import base64
import html
import os
import sys
from pathlib import Path

from django_otp.oath import totp
from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SITE = "https://localhost"
LOG = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The log of the Docker path</title>
<style>
body { font: 13px/1.45 "DejaVu Sans Mono", monospace; margin: 24px; color: #1d232b; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
</style>
<pre>{log}</pre>
"""
STEP = ("Countinghouse by Docker", "engine ", "images: ", "== ", "$ ", "-- exit code ")
SHOWN = 60  # lines of the log's end, with the summary


def outline(lines: list[str]) -> str:
    """Each step of the log with its command and exit code, then the end of the log as it is."""
    begun, end = lines[:-SHOWN], lines[-SHOWN:]
    return "\n".join([*(line for line in begun if line.startswith(STEP)), "[…]", *end])


def set_up_second_factor(page: Page) -> None:
    """As a person does it who reads the secret off the page."""
    with page.expect_navigation():
        page.click("[name=begin]")
    secret = page.locator("main code").inner_text().replace(" ", "")
    page.fill("[name=code]", f"{totp(base64.b32decode(secret)):06d}")
    with page.expect_navigation():
        page.click("main [type=submit]")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lines = sys.stdin.read().splitlines()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP localhost proxy"],
        )
        # The certificate is from the proxy's own authority, which curl has checked it against.
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, ignore_https_errors=True
        )
        page = context.new_page()

        def shoot(name: str, path: str) -> None:
            answer = page.goto(f"{SITE}{path}")
            if answer is None or answer.status != 200:
                raise SystemExit(f"{path} answers {answer.status if answer else 'nothing'}")
            if page.url != f"{SITE}{path}":
                raise SystemExit(f"{path} leads to {page.url}")
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            print(f"{name}.png: {page.title()} at {page.url}")

        shoot("docker_sign_in", "/accounts/login/")
        page.fill("[name=username]", "proof")
        page.fill("[name=password]", os.environ["DJANGO_SUPERUSER_PASSWORD"])
        with page.expect_navigation():
            page.click("[type=submit]")
        set_up_second_factor(page)
        shoot("docker_page", "/dashboard/?days=30")
        shoot("docker_issues", "/admin/monitoring/issue/")
        page = browser.new_page(viewport={"width": 1280, "height": 900})  # without the site's rules
        page.set_content(LOG.replace("{log}", html.escape(outline(lines))))
        page.screenshot(path=folder / "docker_log.png", full_page=True)
        print("docker_log.png: the end of the log")
        browser.close()


if __name__ == "__main__":
    main()
