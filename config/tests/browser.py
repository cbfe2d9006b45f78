"""A real Chromium for tests, and a guard that fails a test whose page complains.

``page`` is a fresh browser window; when the test ends, anything that the browser wrote to its
console as an error, any uncaught exception and any violation of the content security policy fails
the test. ``sign_in`` signs a user in on a running server. With ``pytest --screenshots`` what was
worth looking at is kept as ``.local/screenshots/<name>.png``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
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
PATIENCE = 60_000  # milliseconds, for a busy machine
SCREENSHOTS = Path(__file__).resolve().parent.parent.parent / ".local" / "screenshots"
# Not every violation reaches the console, so they are listened for as well.
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) => window.policyViolated(
    `${event.effectiveDirective} refused ${event.blockedURI} in ${event.sourceFile}`
));
"""

_screenshots = False
_browsers = ExitStack()
_browser: Browser | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="keep what the browser tests show in .local/screenshots",
    )


def pytest_configure(config: pytest.Config) -> None:
    global _screenshots
    _screenshots = config.getoption("--screenshots")


@pytest.fixture
def browser() -> Browser:
    """Chromium; tests that follow one another share it."""
    global _browser
    if not CHROMIUM.exists():
        reason = f"there is no {CHROMIUM}; on Debian: apt-get install chromium"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    if _browser is None:
        _browser = _browsers.enter_context(chromium())
    return _browser


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as environment:
        # The event loop runs in this thread, so Django takes every query for one in async code.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
            yield browser
            browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """End the browser before a test that has none: Playwright's event loop would be in its way."""
    global _browser
    try:
        return (yield)
    finally:
        if _browser is not None and "browser" not in getattr(nextitem, "fixturenames", ()):
            _browser = None
            _browsers.close()


class Guard:
    """What pages complained about."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def expect(self, words: str) -> None:
        """Allow complaints that hold these words: a page that is meant to answer 403 logs it."""
        self.expected.append(words)

    def watch(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.expose_function("policyViolated", lambda words: self.complain(f"policy: {words}"))
        page.add_init_script(LISTEN)
        page.on(
            "console",
            lambda message: (
                self.complain(f"console: {message.text} ({message.location.get('url')})")
                if message.type in {"error", "warning"}
                else None
            ),
        )
        page.on("pageerror", lambda error: self.complain(f"exception: {error}"))
        # Going on to the next page breaks off what this one was still loading.
        page.on(
            "requestfailed",
            lambda request: (
                None
                if request.failure == "net::ERR_ABORTED"
                else self.complain(f"failed: {request.url} ({request.failure})")
            ),
        )

    def complain(self, words: str) -> None:
        if not any(expected in words for expected in self.expected):
            self.complaints.append(words)


@pytest.fixture
def guard() -> Iterator[Guard]:
    """Fails the test when a page that it watched complained."""
    guard = Guard()
    yield guard
    assert not guard.complaints, "\n".join(guard.complaints)


@pytest.fixture
def open_page(browser: Browser, guard: Guard) -> Iterator[Callable[..., Page]]:
    """Open windows, each with its own cookies: ``open_page(width=390, height=844, dark=True)``, or
    one in which no page's script runs: ``open_page(scripts=False)``."""
    contexts = []

    def open_window(
        *, width: int = 1440, height: int = 900, dark: bool = False, scripts: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        guard.watch(page)
        return page

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A window of 1440 × 900 pixels, in light colours."""
    return open_page()


@pytest.fixture
def sign_in() -> Callable[..., None]:
    """``sign_in(page, server_url, username, password)``, as a person does it."""

    def sign(page: Page, url: str, username: str, password: str = "a-long-test-password") -> None:
        page.goto(f"{url}/accounts/login/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(password)
        follow(page.get_by_role("button", name="Sign in"))

    return sign


def follow(link: Locator) -> None:
    """Click a link or a button and wait until the page that it leads to has loaded.

    A bare click returns while the old page may still stand, and what is asked next may be asked of
    the old page, or of none.
    """
    with link.page.expect_navigation():
        link.click()


def wider_than_its_window(page: Page) -> int:
    """By how many pixels the page scrolls sideways; at most 0 when it fits."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def keep_screenshot(page: Page, name: str) -> None:
    """Keep the whole page as ``.local/screenshots/<name>.png``, if that was asked for."""
    if _screenshots:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
