"""Who has an issue in hand."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from config.tests.rows import build
from monitoring.models import Issue

pytestmark = pytest.mark.django_db
LIST = "admin:monitoring_issue_changelist"


def press(client: Client, action: str, *issues: Issue) -> str:
    response = client.post(
        reverse(LIST),
        {"action": action, "_selected_action": [issue.pk for issue in issues]},
        follow=True,
    )
    return response.content.decode()


def test_an_operator_takes_issues_and_finds_them_as_theirs(client: Client, operator: User) -> None:
    mine, other = build(Issue, subject_id="1"), build(Issue, subject_id="2")
    client.force_login(operator)
    assert "1 issue is yours now" in press(client, "take", mine)
    assert "0 issues are yours now" in press(client, "take", mine)  # again: nothing changes
    found = client.get(reverse(LIST), {"assignee": "me"}).context["cl"].result_list
    assert list(found) == [mine]
    nobodys = client.get(reverse(LIST), {"assignee": "nobody"}).context["cl"].result_list
    assert list(nobodys) == [other]
    event = AuditEvent.objects.get(action="issue.assigned")
    assert (event.actor, event.target_id) == (operator, str(mine.pk))
    assert (event.before, event.after) == ({"assignee": None}, {"assignee": "olive"})


def test_an_issue_is_given_back(client: Client, operator: User) -> None:
    issue = build(Issue, assignee=operator)
    client.force_login(operator)
    assert "1 issue is nobody’s now" in press(client, "give_back", issue)
    issue.refresh_from_db()
    assert issue.assignee is None


def test_the_auditor_takes_nothing(client: Client, auditor: User) -> None:
    issue = build(Issue)
    client.force_login(auditor)
    press(client, "take", issue)
    issue.refresh_from_db()
    assert issue.assignee is None
    assert not AuditEvent.objects.filter(action="issue.assigned").exists()
