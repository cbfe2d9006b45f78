"""The audit viewer: found by action, actor, target and request, without reading the table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from auditlog.context import Actor, acting_as, job
from auditlog.event_filters import distinct
from auditlog.models import AuditEvent
from auditlog.readonly import MoreThan, UncountedPaginator
from auditlog.services import record
from auditlog.tests.tampering import ACT

pytestmark = pytest.mark.django_db
LIST = "admin:auditlog_auditevent_changelist"


@pytest.fixture
def history(client: Client, auditor: User, operator: User) -> Client:
    """Three acts, and the auditor signed in."""
    with acting_as(Actor(name="olive", user=operator, request_id="req-one")):
        record("order.paid", operator, after={"status": "paid"})
        record("order.canceled", auditor, reason="a <b>full</b> refund")
    with acting_as(job("run_checks")):
        record("monitoring.run", operator)
    client.force_login(auditor)
    return client


def actions(client: Client, **query: str) -> list[str]:
    found = client.get(reverse(LIST), query).context["cl"].result_list
    return [event.action for event in found]


def test_the_newest_act_comes_first(history: Client) -> None:
    assert actions(history) == ["monitoring.run", "order.canceled", "order.paid"]


def test_filters_by_action_and_by_actor(history: Client) -> None:
    assert actions(history, action="order.paid") == ["order.paid"]
    assert actions(history, actor_name="olive") == ["order.canceled", "order.paid"]
    assert actions(history, actor_name="nobody") == []


def test_search_by_request_and_by_target(history: Client, auditor: User) -> None:
    assert actions(history, q="req-one") == ["order.canceled", "order.paid"]
    assert actions(history, q=str(auditor.pk)) == ["order.canceled"]
    assert actions(history, q="req-on") == []


def test_the_history_of_an_object_is_its_part_of_the_audit_log(
    client: Client, superuser: User
) -> None:
    event = record("order.paid")
    record(ACT, event)
    record(ACT, superuser)
    client.force_login(superuser)
    history = reverse("admin:auditlog_auditevent_history", args=[event.pk])
    response = client.get(history, follow=True)
    [found] = response.context["cl"].result_list
    assert found.target_id == str(event.pk)


def test_values_are_escaped(history: Client) -> None:
    text = history.get(reverse(LIST)).content.decode()
    assert "a &lt;b&gt;full&lt;/b&gt; refund" in text


def test_an_operator_may_not_look(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert client.get(reverse(LIST)).status_code == 403


def test_distinct_values_are_found_by_steps(history: Client) -> None:
    assert distinct("action") == ["monitoring.run", "order.canceled", "order.paid"]
    assert distinct("action", limit=2) == ["monitoring.run", "order.canceled"]


def test_a_list_is_counted_only_as_far_as_one_looks(queries: Any) -> None:
    for number in range(25):
        record("order.paid", reason=str(number))
    rows = AuditEvent.objects.all()
    first = UncountedPaginator(rows, 2, page=1)
    assert first.count == 21
    assert isinstance(first.count, MoreThan)
    assert str(first.count) == "more than 20"
    assert len(first.page(10)) == 2
    assert UncountedPaginator(rows, 2, page=10).count == 25  # one looks further as one goes on
    exact = UncountedPaginator(rows, 10).count
    assert (exact, isinstance(exact, MoreThan)) == (25, False)


def test_the_list_says_that_there_are_more(client: Client, auditor: User) -> None:
    for number in range(501):
        record("order.paid", reason=str(number))
    client.force_login(auditor)
    assert "more than 500 audit events" in client.get(reverse(LIST)).content.decode()


def test_a_list_is_headed_by_what_it_lists_and_says_when_it_is_empty(
    client: Client, auditor: User
) -> None:
    client.force_login(auditor)
    url = reverse("admin:auditlog_auditevent_changelist")
    empty = client.get(url).content.decode()
    assert "<h1>Audit events</h1>" in empty
    assert "There are no audit events yet." in empty
    assert 'name="action"' not in empty
    record("order.paid")
    for query, shown in (("", False), ("?q=nobody", True)):
        text = client.get(url + query).content.decode()
        assert ("Nothing matches." in text) is shown
        assert ("Show all" in text) is shown  # where all are shown there is nothing to offer
        assert "There are no" not in text


def test_what_was_done_in_one_request_is_a_click_away(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    with acting_as(Actor(name="olive", request_id="req-1")):
        record("order.paid")
    event = AuditEvent.objects.get()
    text = client.get(reverse("admin:auditlog_auditevent_change", args=[event.pk])).content.decode()
    assert '<a href="/admin/auditlog/auditevent/?request_id=req-1">req-1</a>' in text
    assert "historylink" not in text  # it is the history


@pytest.mark.parametrize(("person", "offered"), [("auditor", True), ("operator", False)])
def test_the_history_is_offered_to_who_may_read_it(
    client: Client, request: pytest.FixtureRequest, person: str, offered: bool
) -> None:
    from config.tests.rows import build
    from payments.models import Charge

    client.force_login(request.getfixturevalue(person))
    build(Charge, id="ch1")
    text = client.get(reverse("admin:payments_charge_change", args=["ch1"])).content.decode()
    assert ("historylink" in text) is offered
