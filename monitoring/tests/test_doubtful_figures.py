"""The notice of open issues on the pages whose figures they make doubtful."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from config.tests.rows import build
from monitoring import registry
from monitoring.models import CheckRun, Issue, Kind, Severity
from monitoring.registry import CRASHED, EVERYTHING, Area

pytestmark = pytest.mark.django_db
# Checks of what only waits for a person: no figure is wrong for it.
TOUCH_NOTHING = {
    "audit_log_altered",
    "audit_log_unproven",
    "authorisation_expiring",
    "backup_overdue",
    "balance_negative",
    "checks_overdue",  # the run that finds it has looked at everything
    "dispute_needs_answer",
    "event_of_another_account",  # nothing is made of it
    "notification_channel_failing",
    "payout_destination_changed",
    "pending_late",
    "refund_failed",
    "restore_drill_failed",
    "refund_request_refused",
    "refund_request_stuck",
    "refunded_order_not_canceled",
    "unfulfilled_late",
}
PAGES = {
    "/dashboard/": (Area.SALES,),
    "/dashboard/kpis/": EVERYTHING,
    "/dashboard/reconciliation/": (Area.SALES, Area.SETTLEMENT),
}


@pytest.fixture(autouse=True)
def looked() -> CheckRun:
    return build(CheckRun, started_at=timezone.now(), finished_at=timezone.now(), only=[])


def issue(check: str, *, subject: str = "1", **values: Any) -> Issue:
    given = {"severity": Severity.HIGH, "status": Issue.Status.OPEN, "resolved_at": None, **values}
    return build(Issue, check_name=check, subject_type="orders.order", subject_id=subject, **given)


def notice(client: Client, page: str) -> str:
    html = client.get(page).content.decode()
    found = re.findall(r'<p class="notice[^>]*>(.*?)</p>', html, re.DOTALL)
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", " ".join(found))).split())
    return text.replace("\xa0", " ")


def person(role: str, *, staff: bool = True) -> Client:
    user = User.objects.create_user(role, is_staff=staff)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_each_check_touches_figures_or_is_known_to_touch_none() -> None:
    none = {check.name for check in registry.all_checks() if not check.touches}
    assert none == TOUCH_NOTHING


@pytest.mark.parametrize("page", PAGES)
def test_a_page_warns_of_the_issues_that_touch_its_figures_and_of_no_others(page: str) -> None:
    finance = person("finance")
    issue("unfulfilled_late")
    assert "open issue" not in notice(finance, page)
    for area in EVERYTHING:
        check = next(c for c in registry.all_checks() if c.touches == (area,))
        one = issue(check.name)
        told = f"1 open issue touches these figures, the worst high. {check.name}"
        assert (told.replace("_", " ") in notice(finance, page)) == (area in PAGES[page])
        Issue.objects.filter(pk=one.pk).delete()


def test_the_notice_says_how_many_of_which_check_the_worst_first() -> None:
    issue("several_payments", subject="1", severity=Severity.MEDIUM)
    issue("several_payments", subject="2", severity=Severity.MEDIUM)
    issue("dead_events", severity=Severity.CRITICAL)
    assert notice(person("finance"), "/dashboard/") == (
        "3 open issues touch these figures, the worst critical. dead events 1, several payments 2."
    )


@pytest.mark.parametrize("status", [Issue.Status.RESOLVED, Issue.Status.ACCEPTED])
def test_what_is_resolved_or_accepted_touches_nothing(status: str) -> None:
    at = timezone.now() if status == Issue.Status.RESOLVED else None
    issue("several_payments", status=status, resolved_at=at)
    assert notice(person("finance"), "/dashboard/") == ""


def test_a_check_that_crashed_touches_what_it_would_have_watched() -> None:
    finance = person("finance")
    issue(CRASHED.name, subject="payout_mismatch")
    assert notice(finance, "/dashboard/") == ""
    assert "check crashed 1" in notice(finance, "/dashboard/reconciliation/")


def test_the_links_lead_to_lists_of_exactly_these_issues() -> None:
    finance = person("finance")
    for n, check in enumerate(("several_payments", "dead_events", "payout_mismatch", CRASHED.name)):
        issue(check, subject=f"{n}" if check != CRASHED.name else "amount_mismatch")
    for page, count in {"/dashboard/": 3, "/dashboard/reconciliation/": 4}.items():
        html = finance.get(page).content.decode()
        [everything] = re.findall(r'href="(/admin/monitoring/issue/\?touches=[^"]*)"', html)
        assert finance.get(unescape(everything)).context["cl"].result_count == count
        each = re.findall(r'href="(/admin/monitoring/issue/\?check_name=[^"]*)"', html)
        assert [finance.get(one).context["cl"].result_count for one in each] == [1] * count


def test_who_may_not_open_issues_is_warned_without_links() -> None:
    issue("several_payments")
    for client in (person("executive"), person("analyst", staff=False)):
        assert "1 open issue touches these figures" in notice(client, "/dashboard/")
        assert "/admin/monitoring/" not in client.get("/dashboard/").content.decode()


def test_a_page_says_when_nobody_has_looked_lately(looked: CheckRun, settings: Any) -> None:
    finance = person("finance")
    assert notice(finance, "/dashboard/") == ""
    long_ago = timezone.now() - timedelta(hours=settings.CHECKS_WITHIN_HOURS, minutes=1)
    CheckRun.objects.update(finished_at=long_ago)
    build(CheckRun, finished_at=timezone.now(), only=["dead_events"])  # that looked at one thing
    assert notice(finance, "/dashboard/").startswith(
        f"The checks last looked at {long_ago:%Y-%m-%d %H:%M} UTC."
    )
    CheckRun.objects.all().delete()
    assert notice(finance, "/dashboard/").startswith("The checks haven’t looked yet.")


def test_the_notice_costs_the_same_however_many_issues_there_are(queries: Any) -> None:
    finance = person("finance")

    def cost() -> int:
        with queries() as captured:
            finance.get("/dashboard/kpis/")
        return len(captured)

    issue("several_payments")
    few = cost()
    kinds = dict.fromkeys(("kind",), Kind.INTEGRITY)
    for n, check in enumerate(registry.all_checks()):
        issue(check.name, subject=f"many-{n}", **kinds)
    assert cost() == few
