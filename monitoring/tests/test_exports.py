"""The export of issues."""

from __future__ import annotations

from typing import Any

import pytest

from analyticsapp.tests.files import rows
from analyticsapp.tests.shop import at
from monitoring.models import CheckRun, Issue

pytestmark = pytest.mark.django_db


def issue(subject: str, status: str, **values: Any) -> Issue:
    run, _ = CheckRun.objects.get_or_create(started_at=at(1), actor_name="test")
    return Issue.objects.create(
        **{
            "check_name": "amount_mismatch",
            "subject_type": "orders.order",
            "subject_id": subject,
            "kind": "integrity",
            "severity": "high",
            "status": status,
            "summary": f"Order {subject} is wrong",
            "first_seen": at(2),
            "last_seen": at(3),
            "run": run,
            **values,
        }
    )


def test_every_issue_that_is_not_resolved_stands_in_it(operator: Any) -> None:
    late = issue("3", "open", first_seen=at(9))
    issue("1", "open", amount_minor=-1234, currency="eur", assignee=operator)
    issue("2", "accepted", summary="=HYPERLINK()", amount_minor=5, currency="jpy")
    issue("4", "muted", muted_until=at(30))
    issue("5", "resolved", resolved_at=at(4))
    found = rows("issues")
    assert [row["subject"] for row in found] == ["1", "2", "4", "3"]
    first, second, _, last = found
    assert first["assignee"] == operator.get_username()
    assert (first["amount_minor"], first["amount"]) == ("-1234", "-12.34")
    assert (second["amount"], second["summary"]) == ("5", "'=HYPERLINK()")
    assert (last["issue_id"], last["amount"], last["currency"]) == (str(late.pk), "", "")
