"""The page of operations: what needs someone now, each figure with the rows that it counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from analyticsapp.services import snapshots
from config.tests.rows import build, build_job
from config.tests.test_dashboard_pages import addresses
from governance.roles import ROLES
from monitoring.models import BackgroundJob, CheckRun, Issue, Severity
from monitoring.operations.exceptions import exceptions, most_at_risk
from monitoring.operations.waiting import disputes, to_fulfil
from monitoring.tests.rows import ask_for_refund, dispute, event, move, order, payment, refund
from orders.models import Order
from payments.models import (
    Dispute,
    ReadRequest,
    Refund,
    RefundRequest,
    StripeEvent,
    SyncCursor,
)

pytestmark = pytest.mark.django_db

PAGE = "/dashboard/operations/"
LARGE = {model._meta.db_table for model in (Order, Refund, Dispute, StripeEvent, Issue)}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
As = Callable[[str], Client]


@pytest.fixture
def signed_in() -> As:
    def sign(role: str) -> Client:
        user, _ = User.objects.get_or_create(username=role, is_staff=role != "executive")
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return sign


@pytest.fixture
def looked() -> CheckRun:
    now = timezone.now()
    return build(CheckRun, started_at=now, finished_at=now, only=[], crashed=0)


def issue(check: str = "amount_mismatch", subject: str = "1", **values: Any) -> Issue:
    given = {"severity": "high", "status": "open", "resolved_at": None, **values}
    return build(Issue, check_name=check, subject_type="orders.order", subject_id=subject, **given)


def table(html: str, name: str) -> list[list[str]]:
    """The rows of the table with that caption, cell by cell."""
    [found] = re.findall(rf'<caption id="{name}-caption">.*?</table>', html, re.DOTALL)
    return [
        [
            " ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr.*?</tr>", found, re.DOTALL)
    ]


def everything() -> None:
    """Some of all that the page shows."""
    now = timezone.now()
    issue("amount_mismatch", "1", amount_minor=5_000, currency="eur", severity="critical")
    issue("amount_mismatch", "2", amount_minor=700, currency="usd")
    issue("dead_events", "3", amount_minor=None, currency="")
    issue("dead_events", "4", status="acknowledged", severity="low", amount_minor=None)
    issue("dead_events", "5", status="muted", muted_until=now + DAY)
    for n, hours in enumerate((1, 30, 80, 200, 201)):
        paid = order(f"W-{n}", 1_000 * (n + 1), currency="eur" if n else "usd")
        move(paid, "paid", paid_at=now - hours * HOUR)
    for n, left in enumerate((-1, 1, 25, 80, 200, None)):
        due = now + left * HOUR if left else None
        dispute(id=f"dp_{n}", due_by=due, amount=100 * (n + 1))
    dispute(id="dp_won", status="won", due_by=now + DAY)
    ask_for_refund()
    build(
        RefundRequest,
        charge_id="ch_1",
        amount=300,
        currency="eur",
        status="refused",
        next_at=None,
    )
    refund("pending", 100, status="pending", succeeded_at=None, created=now - HOUR)
    refund("action", 150, status="requires_action", succeeded_at=None, created=now - HOUR)
    refund("failed", 200, status="failed", failed_at=now - HOUR / 2, created=now - 2 * HOUR)
    payment("2")
    gone = now - 9 * HOUR
    refund("replaced", 250, of="ch_2", status="failed", failed_at=gone, created=gone - HOUR)
    refund("anew", 250, of="ch_2", created=now - HOUR)
    refund("old", 400, of="ch_2", created=now - 30 * DAY)
    event(status="received")
    build(StripeEvent, stripe_id="evt_2", status="dead", received_at=now - 3 * HOUR)
    build(ReadRequest, created_at=now - HOUR / 2)
    BackgroundJob.objects.filter(pk=build_job()).update(status="failed")


def test_each_role_sees_the_page_or_is_told_why_not(signed_in: As) -> None:
    for role in ROLES:
        response = signed_in(role.name).get(PAGE)
        assert response.status_code == 200, role.name
    nobody = Client()
    assert nobody.get(PAGE).status_code == 302
    nobody.force_login(User.objects.create_user("nobody"))
    assert nobody.get(PAGE).status_code == 403
    assert signed_in("operator").post(PAGE).status_code == 405


def test_who_reads_figures_alone_sees_counts_and_neither_rows_nor_links(signed_in: As) -> None:
    everything()
    html = signed_in("executive").get(PAGE).content.decode()
    assert table(html, "exceptions")[2][:2] == ["amount mismatch", "1"]
    assert table(html, "disputes")[1][1] == "1"
    assert "most-caption" not in html
    assert "/admin/" not in html


@pytest.mark.parametrize("role", ["operator", "finance", "auditor", "administrator"])
def test_every_number_leads_to_a_list_of_exactly_as_many_rows(signed_in: As, role: str) -> None:
    everything()
    client = signed_in(role)
    html = client.get(PAGE).content.decode()
    links = re.findall(r'<td[^>]*><a href="(/admin/[^"]*)">(\d+)</a></td>', html)
    assert len(links) >= (20 if role != "finance" else 17)
    for url, count in links:
        shown = client.get(unescape(url))
        assert shown.status_code == 200, url
        assert shown.context["cl"].result_count == int(count), url
    others = set(re.findall(r'href="(/admin/[^"]*)"', html)) - {url for url, _ in links}
    assert {client.get(unescape(url)).status_code for url in others} == {200}


def test_exceptions_by_check_and_severity_with_money_by_currency(signed_in: As) -> None:
    everything()
    total, checks = exceptions()
    assert [(one.check_name, one.total, one.sums) for one in checks] == [
        ("amount_mismatch", 2, [("eur", 5_000), ("usd", 700)]),
        ("dead_events", 2, []),
    ]
    assert [count for _, count in checks[1].by_severity] == [0, 1, 0, 1]
    assert (total.total, total.sums) == (4, [("eur", 5_000), ("usd", 700)])
    head, first, second, foot = table(
        signed_in("operator").get(PAGE).content.decode(), "exceptions"
    )
    assert head[1:5] == ["Critical", "High", "Medium", "Low"]
    assert {tuple(row[:6]) for row in (first, second, foot)} == {
        ("amount mismatch", "1", "1", "0", "0", "50.00 EUR 7.00 USD"),
        ("dead events", "0", "1", "0", "1", "–"),
        ("All", "1", "2", "0", "1", "50.00 EUR 7.00 USD"),
    }


def test_the_most_money_at_risk_is_ranked_within_each_currency() -> None:
    for n in range(8):
        issue("amount_mismatch", f"e{n}", amount_minor=(-1) ** n * 100 * n, currency="eur")
    issue("amount_mismatch", "y", amount_minor=9, currency="jpy")
    issue(
        "amount_mismatch", "r", amount_minor=99_999, status="resolved", resolved_at=timezone.now()
    )
    issue("dead_events", "none", amount_minor=None)
    assert [(c, [one.amount_minor for one in rows]) for c, rows in most_at_risk()] == [
        ("eur", [-700, 600, -500, 400, -300]),
        ("jpy", [9]),
    ]


def test_every_order_that_waits_is_of_one_age_and_the_late_ones_are_told(settings: Any) -> None:
    everything()
    now = timezone.now()
    lines = to_fulfil(now)
    assert [line.backlog.count for line in lines] == [2, 1, 1, 2, 3]  # one of the refund's order
    assert lines[0].backlog.sums == (("eur", 5_000), ("usd", 1_000))
    assert lines[3].backlog.sums == (("eur", 9_000),)
    assert lines[4].bad
    settings.FULFIL_WITHIN_HOURS = 0
    assert len(to_fulfil(now)) == 4


def test_an_age_ends_where_the_next_one_begins() -> None:
    now = timezone.now()
    for n, age in enumerate((DAY, 3 * DAY, 7 * DAY)):
        move(order(f"W-{n}"), "paid", paid_at=now - age)
    assert [line.backlog.count for line in to_fulfil(now)] == [1, 1, 1, 0, 1]


def test_disputes_by_how_long_there_is_to_answer() -> None:
    everything()
    now = timezone.now()
    lines = disputes(now)
    assert [(line.backlog.count, line.backlog.sums, line.bad) for line in lines] == [
        (1, (("eur", 100),), True),
        (1, (("eur", 200),), True),
        (1, (("eur", 300),), False),
        (1, (("eur", 400),), False),
        (1, (("eur", 500),), False),
        (1, (("eur", 600),), False),
    ]
    Dispute.objects.filter(pk="dp_0").update(due_by=now)
    assert [line.backlog.count for line in disputes(now)][:2] == [0, 2]


def test_refunds_by_how_far_they_are(signed_in: As) -> None:
    everything()
    rows = table(signed_in("operator").get(PAGE).content.decode(), "refunds")[1:]
    assert [row[:3] for row in rows] == [
        ["Asked here, not answered by Stripe", "1", "20.00 EUR"],
        ["Refused by Stripe look", "1", "3.00 EUR"],
        ["Pending at Stripe", "1", "1.00 EUR"],
        ["Waiting for the customer", "1", "1.50 EUR"],
        ["Failed, and not made again look", "1", "2.00 EUR"],
        ["Made within 7 days, whatever came of them", "5", "9.50 EUR"],
    ]


def test_the_signs_of_ingestion_say_what_is_wrong(
    signed_in: As, looked: CheckRun, settings: Any
) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"
    now = timezone.now()
    build(SyncCursor, resource="events:recent", finished_at=now, error="")

    def signs() -> dict[str, str]:
        rows = table(signed_in("operator").get(PAGE).content.decode(), "ingestion")[1:]
        return {row[0]: " ".join(row[1:]).strip() for row in rows}

    quiet = signs()
    assert [name for name in quiet if name.endswith("look")] == ["Figures as of look"]
    assert quiet["Events waiting"] == "0 –"
    assert quiet["Last received"] == "nothing yet"
    everything()
    SyncCursor.objects.update(error="No such key", finished_at=now - 2 * HOUR)
    CheckRun.objects.update(crashed=2)
    told = signs()
    assert {name for name in told if name.endswith("look")} == {
        "Events waiting look",
        "Events dead look",
        "Events last listed look",
        "Jobs failed look",
        "Figures as of look",
        "Checks last run look",
    }
    assert told["Events waiting look"].startswith("1 oldest received")
    assert told["Events last listed look"].endswith("UTC the last try failed")
    assert told["Checks last run look"].endswith("UTC 2 could not run")
    assert told["Jobs failed look"] == "1"


def test_a_day_on_which_nothing_needs_anyone_says_so(signed_in: As, looked: CheckRun) -> None:
    html = signed_in("operator").get(PAGE).content.decode()
    assert "The checks found nothing that needs someone." in html
    assert "0 open issues" in html
    assert "haven’t looked yet" not in html
    CheckRun.objects.all().delete()
    html = signed_in("operator").get(PAGE).content.decode()
    assert "haven’t looked yet" in html


def test_severities_are_in_words_and_amounts_name_their_currency(signed_in: As) -> None:
    issue(severity=Severity.CRITICAL, amount_minor=-1_234_567, currency="jpy")
    html = signed_in("operator").get(PAGE).content.decode()
    assert table(html, "most")[1][1:3] == ["−1,234,567 JPY", "critical"]
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|\snonce=", html)


def many(model: type[models.Model], count: int, where: str, **different: str) -> None:
    """So many copies of the one row, which differ by SQL in ``n``."""
    columns = [str(f.column) for f in model._meta.concrete_fields if not f.generated]
    values = ", ".join(different.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} "
            f"FROM {model._meta.db_table}, generate_series(1, {count}) AS n WHERE {where}"
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"ANALYZE {model._meta.db_table}")


def test_every_page_costs_the_same_and_this_one_scans_no_table_at_100_000_orders(
    signed_in: As, queries: Any
) -> None:
    everything()
    sent = order("SENT")
    move(sent, "paid", paid_at=timezone.now() - DAY)
    sent.refresh_from_db()
    move(sent, "fulfilled", fulfilled_at=timezone.now())
    client = signed_in("operator")

    def cost(address: str = PAGE, client: Client = client) -> list[str]:
        with queries() as captured:
            client.get(address)
        return [query["sql"] for query in captured.captured_queries]

    root = Client()
    root.force_login(User.objects.create_superuser("root"))

    def every_page() -> dict[str, int]:
        return {name: len(cost(address, root)) for name, address in addresses().items()}

    snapshots.build_all()
    few, few_of_all = cost(), every_page()
    ago = "now() - n * interval '1 minute'"
    key = {"id": "id + 1000 + n"}
    unlinked = {"payment_intent_id": "NULL", "checkout_session_id": "NULL"}
    placed = {"number": "number || n", "placed_at": ago, "paid_at": ago}
    many(Order, 100_000, "number = 'SENT'", **key, **unlinked, **placed)
    many(Refund, 20_000, "id = 're_old'", id="id || n")
    many(Dispute, 20_000, "id = 'dp_won'", id="id || n", due_by=ago)
    done = {"stripe_id": "'evt' || n", "status": "'processed'", "received_at": ago}
    many(StripeEvent, 20_000, "stripe_id = 'evt_2'", **key, **done)
    gone = {"subject_id": "'many-' || n", "status": "'resolved'", "resolved_at": "now()"}
    many(Issue, 20_000, "subject_id = '1'", **key, **gone)
    snapshots.build_all()
    after = cost()
    assert len(after) == len(few) <= 29
    assert every_page() == few_of_all
    with connection.cursor() as cursor:
        for sql in after:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row for (row,) in cursor.fetchall())
            scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
            assert not scanned & LARGE, f"{sql}\n{plan}"
