"""The audit viewer finds by day, target and request, shows what changed, and gives it as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditlog.context import Actor, acting_as, job
from auditlog.differences import differences
from auditlog.models import AuditEvent, AuditSeal
from auditlog.services import record
from auditlog.tests.tampering import ACT, EVENTS, acts_and_seals, behind_its_back

pytestmark = pytest.mark.django_db
LIST = "admin:auditlog_auditevent_changelist"


@pytest.fixture
def reader(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


def act_at(moment: str, **values: Any) -> AuditEvent:
    """An act whose row says that it was then."""
    event = record(ACT, **values)
    behind_its_back(f"UPDATE {EVENTS} SET at = %(at)s WHERE id = %(id)s", at=moment, id=event.pk)
    return event


def found(client: Client, **query: str) -> set[int]:
    return {event.pk for event in client.get(reverse(LIST), query).context["cl"].result_list}


def test_by_days_of_the_reporting_time_zone(reader: Client, settings: Settings) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    last, first, second = (
        act_at(moment).pk
        for moment in ("2026-03-01T22:59Z", "2026-03-01T23:00Z", "2026-03-02T22:59Z")
    )
    after = act_at("2026-03-02T23:00Z").pk
    assert found(reader, since="2026-03-02", until="2026-03-02") == {first, second}
    assert found(reader, since="2026-03-02") == {first, second, after}
    assert found(reader, until="2026-03-01") == {last}
    text = reader.get(reverse(LIST)).content.decode()
    assert "Days of Europe/Berlin, both included." in text


@pytest.mark.parametrize("day", ["yesterday", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_a_day_that_is_none_finds_nothing_and_says_so(reader: Client, day: str) -> None:
    record(ACT)
    for name in ("since", "until"):
        response = reader.get(reverse(LIST), {name: day})
        assert list(response.context["cl"].result_list) == []
        assert 'class="errornote"' in response.content.decode()


def test_by_target_and_by_request_beside_other_filters(
    reader: Client, auditor: User, operator: User
) -> None:
    with acting_as(Actor(name="olive", request_id="req-one")):
        one = record(ACT, operator).pk
        other = record("order.noted", operator).pk
        third = record(ACT, auditor).pk
    with acting_as(job("sync")):
        fourth = record(ACT, operator).pk
    assert found(reader, target_type__exact="auth.user") == {one, other, third, fourth}
    assert found(reader, target_id__exact=str(operator.pk)) == {one, other, fourth}
    assert found(
        reader, target_type__exact="auth.user", target_id__exact=str(operator.pk), action=ACT
    ) == {one, fourth}
    assert found(reader, request_id="req-one") == {one, other, third}
    assert found(reader, request_id="req-one", actor_name="job:sync") == set()
    response = reader.get(reverse(LIST), {"action": ACT, "target_id__exact": "7", "q": "x"})
    text = response.content.decode()
    assert f'<input type="hidden" name="action" value="{ACT}">' in text
    assert '<input type="hidden" name="q" value="x">' in text
    assert 'value="7"' in text
    assert "<option>auth.user</option>" in text


def test_what_changed_is_shown_before_and_after(reader: Client) -> None:
    with acting_as(Actor(name="olive", address="192.0.2.7", request_id="req-1")):
        event = record(
            "product.stock", reason="counted <by hand>", before={"stock": 5}, after={"stock": 12}
        )
    text = reader.get(reverse("admin:auditlog_auditevent_change", args=[event.pk])).content.decode()
    row = "<th scope=row>stock</th><td><del>5</del></td><td><ins>12</ins></td><td>changed</td>"
    for words in (row, "The stock of a product was counted or corrected.", "192.0.2.7"):
        assert words in text
    assert "counted &lt;by hand&gt;" in text
    assert "stock: 5 → 12" in reader.get(reverse(LIST)).content.decode()


def test_values_are_escaped_where_they_changed(reader: Client) -> None:
    event = record(ACT, before={"n": "<b>"}, after={"n": {"<i>": "<u>"}})
    for url in (reverse(LIST), reverse("admin:auditlog_auditevent_change", args=[event.pk])):
        text = reader.get(url).content.decode()
        assert "&lt;u&gt;" in text
        assert not [tag for tag in ("<b>", "<i>", "<u>") if tag in text]


def test_differences_are_named_value_by_value() -> None:
    before = {"status": "pending", "note": None, "lines": [{"sku": "a"}], "same": 1.5, "old": True}
    after = {
        "status": "paid",
        "note": "",
        "lines": [{"sku": "a"}, {"sku": "b", "taken": 2}],
        "same": 1.5,
        "tags": ["x", "y"],
        "none": [],
    }
    assert [(one.name, one.before, one.after, one.kind) for one in differences(before, after)] == [
        ("status", "pending", "paid", "changed"),
        ("note", "none", "(empty)", "changed"),
        ("lines › 1 › sku", "a", "a", ""),
        ("lines › 2 › sku", None, "b", "added"),
        ("lines › 2 › taken", None, "2", "added"),
        ("same", "1.5", "1.5", ""),
        ("tags", None, "x, y", "added"),
        ("none", None, "none", "added"),
        ("old", "yes", None, "removed"),
    ]


def test_what_the_list_shows_is_exported_streamed_and_audited(reader: Client) -> None:
    with acting_as(Actor(name="olive", address="192.0.2.7", request_id="req-1")):
        record("order.noted", reason='=HYPERLINK("x")')
        first = record("product.stock", reason="a, b", before={"stock": 5}, after={"stock": 12})
    response = reader.post(
        f"{reverse('admin:auditlog_auditevent_export')}?action=product.stock&request_id=req-1"
    )
    assert response.streaming
    [row] = csv.DictReader(StringIO(response.getvalue().decode()))
    assert row["at"].endswith("Z")
    assert row | {"at": ""} == {
        "id": str(first.pk),
        "at": "",
        "action": "product.stock",
        "actor": "olive",
        "actor_id": "",
        "target_type": "",
        "target_id": "",
        "reason": "a, b",
        "before": '{"stock": 5}',
        "after": '{"stock": 12}',
        "address": "192.0.2.7",
        "request_id": "req-1",
    }
    trace = AuditEvent.objects.get(action="audit.exported")
    assert trace.actor_name == "audrey"
    assert trace.after["filter"] == {"action": "product.stock", "request_id": "req-1"}
    assert (trace.after["outcome"], trace.after["rows"]) == ("complete", 1)
    response = reader.post(reverse("admin:auditlog_auditevent_export"))
    assert "'=HYPERLINK" in response.getvalue().decode()


def test_who_may_only_look_exports_nothing(client: Client, operator: User) -> None:
    from django.contrib.auth.models import Permission

    operator.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    client.force_login(operator)
    assert "Export" not in client.get(reverse(LIST)).content.decode()
    assert client.post(reverse("admin:auditlog_auditevent_export")).status_code == 403
    assert not AuditEvent.objects.filter(action="audit.exported").exists()


def test_the_seals_can_be_looked_at(reader: Client) -> None:
    first, *_, last = acts_and_seals(1, 4)[0]
    seal = AuditSeal.objects.get()
    for url in (
        reverse("admin:auditlog_auditseal_changelist"),
        reverse("admin:auditlog_auditseal_change", args=[seal.pk]),
    ):
        text = reader.get(url).content.decode()
        assert f"{first}–{last}" in text
        assert seal.digest in text


MANY = 20_000


@pytest.fixture
def many(reader: Client) -> Client:
    """Half a year of acts of 20 people, some at one target."""
    behind_its_back(
        f"""
        INSERT INTO {EVENTS} (at, action, actor_name, target_type, target_id, reason, before,
            after, request_id)
        SELECT %(now)s::timestamptz - n * interval '9 minutes', 'test.act' || n %% 7,
            'person' || n %% 20, 'auth.user', (n %% 3000)::text, '', '{{}}', '{{}}',
            'req-' || n / 2
        FROM generate_series(1, {MANY}) AS n
        """,
        now=datetime(2026, 7, 1, tzinfo=UTC),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {EVENTS}")
    return reader


SEARCHES: dict[str, dict[str, str]] = {
    "all": {},
    "page 9": {"p": "9"},
    "action": {"action": "test.act3"},
    "an action that is rare": {"action": "test.act9"},
    "actor": {"actor_name": "person7"},
    "a day long ago": {"since": "2026-02-01", "until": "2026-02-01"},
    "an actor's day long ago": {"actor_name": "person7", "until": "2026-01-20"},
    "an action's days long ago": {
        "action": "test.act3",
        "since": "2026-01-01",
        "until": "2026-01-20",
    },
    "a day without anything": {"since": "2020-01-01", "until": "2020-01-02"},
    "target": {"target_type__exact": "auth.user", "target_id__exact": "77"},
    "target's id": {"target_id__exact": "77"},
    "request": {"request_id": "req-12345"},
    "search": {"q": "req-77 req-99"},
    "actor and action": {"actor_name": "person7", "action": "test.act3"},
}


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan that read the audit log."""
    if plan.get("Relation Name") == EVENTS:
        yield plan
    for inner in plan.get("Plans", []):
        yield from scans(inner)


def rows_found(node: dict[str, Any]) -> int:
    return int(node["Actual Rows"] * node["Actual Loops"])


def rows_read(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
    return rows_found(node) + int(removed)


def test_no_search_reads_much_of_the_log(many: Client, queries: Any) -> None:
    for name, search in SEARCHES.items():
        with queries() as captured:
            assert many.get(reverse(LIST), search).status_code == 200
        statements = [one["sql"] for one in captured if EVENTS in one["sql"]]
        assert len(statements) >= 5  # the rows, how many there are, what each filter offers
        for sql in statements:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
                [answer] = cursor.fetchone()
            [explained] = json.loads(answer) if isinstance(answer, str) else answer
            for node in scans(explained["Plan"]):
                assert node["Node Type"] != "Seq Scan", (name, sql)
                # A few rows that another index would have spared, but never all that there are.
                assert rows_read(node) <= max(MANY / 10, 10 * rows_found(node)), (name, sql)
