"""Issues in the admin: read by those who may, and checked again by those who may run checks."""

from __future__ import annotations

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from config.tests.rows import NOW, build
from monitoring.models import CheckRun, Issue
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies import ANOMALIES
from monitoring.tests.conftest import Register
from monitoring.tests.rows import link, order, payment
from monitoring.tests.test_runs import subject
from orders.models import OrderPayment
from payments.models import StripeEvent

pytestmark = pytest.mark.django_db
LIST = "admin:monitoring_issue_changelist"


def page(issue: Issue) -> str:
    return reverse("admin:monitoring_issue_change", args=[issue.pk])


def press(client: Client, issue: Issue) -> str:
    """Press the button on the issue's page; the text of the page that follows."""
    response = client.post(
        reverse(LIST),
        {"action": "run_check_now", "_selected_action": [issue.pk], "from_page": "1"},
        follow=True,
    )
    return response.content.decode()


def test_the_page_says_what_is_wrong_how_much_and_what_to_do(client: Client, auditor: User) -> None:
    payment(amount=4_000)
    one = order(total=5_000)
    link(one, "pi_1")
    run_checks()
    client.force_login(auditor)
    text = client.get(page(Issue.objects.get())).content.decode()
    assert f">order {one.number}</a>" in text
    assert "50.00 EUR" in text
    assert "−10.00 EUR" in text  # the difference, with its sign
    assert "Paid too little: ask for the rest" in text
    assert reverse("admin:payments_charge_change", args=[quote("ch_1")]) in text
    assert ">opened<" in text
    assert "system" in text


def test_an_issue_about_a_whole_table_links_to_its_list(client: Client, auditor: User) -> None:
    ANOMALIES["stuck_events"].make()
    run_checks()
    client.force_login(auditor)
    text = client.get(page(Issue.objects.get())).content.decode()
    assert f'href="{reverse("admin:payments_stripeevent_changelist")}"' in text
    assert StripeEvent.objects.get().stripe_id in text


def test_the_list_shows_open_issues_the_worst_first(
    client: Client, auditor: User, register: Register
) -> None:
    for number, severity in enumerate(["low", "critical", "medium"]):
        build(Issue, severity=severity, subject_id=str(number))
    build(Issue, status="resolved", resolved_at=NOW, severity="high", subject_id="9")
    client.force_login(auditor)
    issues = client.get(reverse(LIST)).context["cl"].result_list
    assert [issue.severity for issue in issues] == ["critical", "medium", "low"]
    every = client.get(reverse(LIST), {"status": "all"}).context["cl"].result_list
    assert [issue.severity for issue in every] == ["critical", "high", "medium", "low"]
    resolved = client.get(reverse(LIST), {"status": "resolved"}).context["cl"].result_list
    assert [issue.severity for issue in resolved] == ["high"]


def test_an_operator_mends_it_and_runs_the_check_from_its_page(
    client: Client, operator: User
) -> None:
    payment()
    run_checks()
    issue = Issue.objects.get()
    client.force_login(operator)
    assert "Run this check now" in client.get(page(issue)).content.decode()
    assert "Check payment_without_order: 1 found, 0 new" in press(client, issue)

    link(order(), "pi_1")
    text = press(client, issue)
    assert "Check payment_without_order: 0 found, 0 new, 0 re-opened, 1 resolved." in text
    assert ">resolved<" in text
    assert CheckRun.objects.latest("id").only == ["payment_without_order"]
    assert AuditEvent.objects.latest("id").actor == operator

    OrderPayment.objects.all().delete()
    assert ">re-opened<" in press(client, issue)


def test_the_auditor_may_not_run_a_check(client: Client, auditor: User) -> None:
    payment()
    run_checks()
    issue = Issue.objects.get()
    link(order(), "pi_1")
    client.force_login(auditor)
    assert "Run this check now" not in client.get(page(issue)).content.decode()
    press(client, issue)
    issue.refresh_from_db()
    assert issue.status == "open"
    assert CheckRun.objects.count() == 1


def test_a_crashed_check_is_run_again_from_its_issue(
    client: Client, operator: User, register: Register
) -> None:
    register("odd", lambda now: 1 / 0)
    run_checks(["odd"])
    crash = Issue.objects.get()
    client.force_login(operator)
    assert "Check odd could not run: ZeroDivisionError" in press(client, crash)
    register("odd", lambda now: [subject()])
    assert "Check odd: 1 found, 1 new" in press(client, crash)
    crash.refresh_from_db()
    assert crash.status == "resolved"


def test_a_job_shows_this_projects_spelling(client: Client, auditor: User) -> None:
    from django.db import connection

    from config.tests.rows import build_job
    from monitoring.models import BackgroundJob

    key = build_job()
    word = next(one for one in BackgroundJob.STATUSES if one.startswith("cancel"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = %s", [word])
    client.force_login(auditor)
    for url in (
        reverse("admin:monitoring_backgroundjob_changelist") + "?status=canceled",
        reverse("admin:monitoring_backgroundjob_change", args=[key]),
    ):
        text = client.get(url).content.decode()
        assert "monitoring.run_checks" in text
        assert "canceled" in text
        assert word not in text
