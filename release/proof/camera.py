"""A real browser in which each role signs in, and pictures of what it shows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from release.proof.package import Package
from release.proof.stage import Stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTH, HEIGHT = 1280, 860
PATIENCE = 60_000  # milliseconds
BEING_COUNTED = "being counted anew"


class NoPicture(RuntimeError):
    """A page didn't answer as it should."""


class Camera:
    """Windows of the product on its stage, one for each role that has signed in."""

    def __init__(self, browser: Browser, stage: Stage, package: Package) -> None:
        self.browser = browser
        self.stage = stage
        self.package = package
        self.pages: dict[str, Page] = {}

    def window(self, role: str) -> Page:
        """The window of a role, signed in and where it lands."""
        if role not in self.pages:
            context = self.browser.new_context(
                viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC"
            )
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.goto(f"{self.stage.url}/accounts/login/")
            page.get_by_label("Username").fill(role)
            page.get_by_label("Password").fill(self.stage.password)
            with page.expect_navigation():
                page.get_by_role("button", name="Sign in").click()
            self.pages[role] = page
        return self.pages[role]

    def go(self, role: str, path: str) -> Page:
        """Open a page, and wait until its figures are counted.

        Raises:
            NoPicture: it answers anything but 200.
        """
        page = self.window(role)
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            answer = page.goto(f"{self.stage.url}{path}")
            if answer is None or answer.status != 200:
                raise NoPicture(f"{path} answers {answer.status if answer else 'nothing'}")
            if BEING_COUNTED not in page.content() or time.monotonic() > deadline:
                return page
            time.sleep(1)

    def shoot(self, name: str, role: str, *, whole: bool = True) -> None:
        """Keep what a role's window shows: all of the page, or what fits on a screen."""
        page = self.window(role)
        page.screenshot(path=self.package.folder / name, full_page=whole)
        path = page.url.removeprefix(self.stage.url)
        self.package.add(name, command=f"Chromium, as {role}, at {path}")


@contextmanager
def camera(stage: Stage, package: Package) -> Iterator[Camera]:
    """A browser, ended with the block."""
    from playwright.sync_api import sync_playwright

    # Playwright's event loop runs in this thread: Django takes every query for one in async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield Camera(browser, stage, package)
            browser.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
