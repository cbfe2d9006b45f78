"""Issues decided about in the admin: one from its page, many from the list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analyticsapp.days import bounds, day_of
from auditlog.models import AuditEvent
from config.tests.rows import NOW, build
from monitoring.models import Issue, IssueTransition
from orders.models import Order

pytestmark = pytest.mark.django_db
LIST = "admin:monitoring_issue_changelist"


def press(client: Client, action: str, *issues: Issue) -> str:
    response = client.post(
        reverse(LIST) + "?status=all",
        {"action": action, "_selected_action": [issue.pk for issue in issues]},
        follow=True,
    )
    return response.content.decode()


def act(client: Client, name: str, issue: Issue, **form: Any) -> str:
    url = reverse(f"admin:monitoring_issue_{name}", args=[issue.pk])
    return client.post(url, form, follow=True).content.decode()


def listed(client: Client, **query: str) -> list[Issue]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def tomorrow() -> Any:
    return day_of(timezone.now()) + timedelta(days=1)


def test_an_operator_takes_issues_and_finds_them_as_theirs(client: Client, operator: User) -> None:
    mine, other = build(Issue, subject_id="1"), build(Issue, subject_id="2")
    client.force_login(operator)
    assert "1 issue is yours now" in press(client, "take", mine)
    assert "0 issues are yours now" in press(client, "take", mine)  # again: nothing changes
    assert listed(client, assignee="me") == [mine]
    assert listed(client, assignee="nobody") == [other]
    event = AuditEvent.objects.get(action="issue.assigned")
    assert (event.actor, event.target_id) == (operator, str(mine.pk))
    assert (event.before, event.after) == ({"assignee": None}, {"assignee": "olive"})


def test_an_issue_is_given_to_somebody_who_may_triage(
    client: Client, operator: User, superuser: User, executive: User
) -> None:
    issue = build(Issue, assignee=operator)
    client.force_login(operator)
    page = client.get(reverse("admin:monitoring_issue_assign", args=[issue.pk])).content.decode()
    assert "root</option>" in page
    assert "eve</option>" not in page
    act(client, "assign", issue, to=superuser.pk, reason="knows it")
    issue.refresh_from_db()
    assert issue.assignee == superuser
    assert listed(client, assignee="@root") == [issue]
    assert "given to root" in client.get(issue_page(issue)).content.decode()
    act(client, "assign", issue, to="", reason="")
    issue.refresh_from_db()
    assert issue.assignee is None
    assert "it is nobody’s already" in act(client, "assign", issue, to="", reason="")


def issue_page(issue: Issue) -> str:
    return reverse("admin:monitoring_issue_change", args=[issue.pk])


def test_an_issue_is_muted_until_a_day_from_its_page(client: Client, operator: User) -> None:
    issue = build(Issue)
    client.force_login(operator)
    day = tomorrow()
    text = act(client, "mute", issue, day=day.isoformat(), reason="the bank answers tomorrow")
    assert "The issue is muted." in text
    assert "the bank answers tomorrow" in text
    issue.refresh_from_db()
    assert (issue.status, issue.muted_until) == ("muted", bounds(day)[0])
    assert listed(client) == []
    assert listed(client, status="muted") == [issue]


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_mute_that_could_not_end_is_refused_on_the_form(
    client: Client, operator: User, days: int
) -> None:
    issue = build(Issue)
    client.force_login(operator)
    day = day_of(timezone.now()) + timedelta(days=days)
    text = act(client, "mute", issue, day=day.isoformat(), reason="later")
    assert "Choose a day from tomorrow on, within a year." in text
    issue.refresh_from_db()
    assert issue.status == "open"


def test_what_is_decided_shows_only_what_can_follow(client: Client, operator: User) -> None:
    issue = build(Issue, status="accepted")
    client.force_login(operator)
    text = client.get(issue_page(issue)).content.decode()
    assert "Open again…" in text
    assert "Accept…" not in text
    assert "Accept: not possible" in act(client, "accept", issue, reason="so what")
    assert not IssueTransition.objects.exists()


def test_a_note_stands_in_the_timeline(client: Client, operator: User) -> None:
    issue = build(Issue)
    client.force_login(operator)
    assert "They call back on <b>Monday" not in act(
        client, "note", issue, text="They call back on <b>Monday</b>."
    )
    text = client.get(issue_page(issue)).content.decode()
    assert "They call back on &lt;b&gt;Monday&lt;/b&gt;." in text
    assert "olive" in text


@pytest.mark.parametrize(
    ("name", "status", "form"),
    [
        ("acknowledge", "acknowledged", {"reason": ""}),
        ("mute", "muted", {"reason": "later"}),
        ("accept", "accepted", {"reason": "agreed"}),
        ("resolve", "resolved", {"reason": "seen to"}),
    ],
)
def test_many_are_decided_about_with_confirmation_reason_and_report(
    client: Client, operator: User, name: str, status: str, form: dict[str, str]
) -> None:
    issues = [build(Issue, subject_id=str(n)) for n in range(3)]
    gone = build(Issue, subject_id="9", status="resolved", resolved_at=NOW)
    client.force_login(operator)
    asked = press(client, name, *issues, gone)
    assert "4 chosen, of which 3 can be done" in asked
    assert not IssueTransition.objects.exists()
    if name == "mute":
        form = {**form, "day": tomorrow().isoformat()}
    response = client.post(
        reverse(f"admin:monitoring_issue_bulk_{name}"),
        {**form, "row": [issue.pk for issue in [*issues, gone]]},
    )
    text = response.content.decode()
    assert "3 done, 1 skipped." in text
    assert "it is resolved" in text
    assert set(IssueTransition.objects.values_list("to_status", "actor")) == {(status, operator.pk)}


def test_many_without_a_reason_are_left_alone(client: Client, operator: User) -> None:
    issue = build(Issue)
    client.force_login(operator)
    url = reverse("admin:monitoring_issue_bulk_accept")
    assert "Nothing was done" in client.post(url, {"row": [issue.pk]}).content.decode()
    issue.refresh_from_db()
    assert issue.status == "open"


def test_the_auditor_reads_and_decides_nothing(client: Client, auditor: User) -> None:
    issue = build(Issue)
    client.force_login(auditor)
    text = client.get(issue_page(issue)).content.decode()
    assert "What to do" in text
    assert "Acknowledge" not in text
    press(client, "take", issue)
    for name in ("acknowledge", "mute", "accept", "resolve", "assign", "note"):
        url = reverse(f"admin:monitoring_issue_{name}", args=[issue.pk])
        assert client.post(url, {"reason": "me", "text": "me"}).status_code == 403
        if name != "note":
            bulk = reverse(f"admin:monitoring_issue_bulk_{name}")
            assert client.post(bulk, {"reason": "me", "row": [issue.pk]}).status_code == 403
    issue.refresh_from_db()
    assert (issue.status, issue.assignee) == ("open", None)
    assert not AuditEvent.objects.filter(target_type="monitoring.issue").exists()


def test_the_list_shows_what_needs_someone_unless_asked_otherwise(
    client: Client, auditor: User
) -> None:
    by_status = {
        status: build(Issue, subject_id=status, status=status, **values)
        for status, values in {
            "open": {},
            "acknowledged": {},
            "muted": {"muted_until": timezone.now() + timedelta(days=2)},
            "accepted": {},
            "resolved": {"resolved_at": NOW},
        }.items()
    }
    client.force_login(auditor)
    assert {issue.status for issue in listed(client)} == {"open", "acknowledged"}
    for status, issue in by_status.items():
        assert listed(client, status=status) == [issue]
    assert len(listed(client, status="all")) == 5


def test_the_list_narrows_to_money(client: Client, auditor: User) -> None:
    some = build(Issue, subject_id="1")
    none = build(Issue, subject_id="2", amount_minor=None, currency="")
    client.force_login(auditor)
    assert listed(client, money="some") == [some]
    assert listed(client, money="none") == [none]


def test_an_issue_is_found_by_the_number_of_its_order(client: Client, auditor: User) -> None:
    order = build(Order, number="A-77")
    issue = build(Issue, subject_type="orders.order", subject_id=str(order.pk))
    other = build(Issue, subject_type="payments.charge", subject_id="ch_7")
    client.force_login(auditor)
    assert listed(client, q="A-77") == [issue]
    assert listed(client, q="ch_7") == [other]
    assert listed(client, q="nothing-of-that") == []
