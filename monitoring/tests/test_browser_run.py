"""The button under a real mouse: a double click starts one run, and the page follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from config.tests.browser import keep_screenshot, wider_than_its_window
from config.tests.processes import StartWorker
from monitoring.models import BackgroundJob, CheckRun

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_double_click_starts_one_run_and_the_page_follows_it(
    live_server: Any, page: Page, sign_in: Any, operator: User, worker: StartWorker
) -> None:
    sign_in(page, live_server.url, "olive")
    page.goto(f"{live_server.url}{reverse('admin:monitoring_issue_changelist')}")
    page.get_by_role("button", name="Run the checks").dblclick()
    page.get_by_text("waits for a worker to take it up").wait_for()
    assert BackgroundJob.objects.filter(task_name="monitoring.run_checks").count() == 1
    assert wider_than_its_window(page) <= 0
    keep_screenshot(page, "checks-queued")
    worker()
    page.get_by_role("button", name="Run the checks").wait_for()  # it loads itself anew
    page.get_by_role("cell", name="finished").wait_for()
    assert CheckRun.objects.count() == 1
