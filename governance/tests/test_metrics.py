"""``/metrics``: who reads it, what it says, and what it costs."""

from __future__ import annotations

import os
import re
import signal
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from analyticsapp.models import DirtyDay, SnapshotState
from auditlog.context import acting_as, job
from auditlog.sealing import seal
from auditlog.services import record
from config.tests.processes import Running, answers, environment, loopback_socket, start
from config.tests.rows import build
from governance.metrics import figures, latency
from governance.metrics.text import Metric, exposition
from monitoring.models import CheckRun, Issue, Severity
from payments.models import StripeEvent
from payments.tasks import wake_worker

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-24-characters"
LINE = re.compile(r'(# (HELP|TYPE) .+|[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+)')


def read(client: Client, token: str | None = None) -> Any:
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})


def said(text: str) -> dict[str, float]:
    """The samples by name and labels, without what all names begin with."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {
        name.removeprefix("countinghouse_"): float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines)
    }


def test_it_takes_the_token_or_the_permission(
    client: Client, operator: Any, executive: Any, settings: Any, caplog: Any
) -> None:
    assert read(client).status_code == 302
    assert read(client, TOKEN).status_code == 401  # there is none
    assert read(client, "").status_code == 302
    settings.METRICS_TOKEN = TOKEN
    for wrong in ("x", TOKEN[:-1], TOKEN + "x", "é" * 24):
        assert read(client, wrong).status_code == 401
    assert not caplog.records
    answer = read(client, TOKEN)
    assert (answer.status_code, answer["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    assert "no-store" in answer["Cache-Control"]
    assert client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405
    client.force_login(executive)
    assert read(client).status_code == 403
    assert read(client, "x").status_code == 401
    client.force_login(operator)
    assert read(client).status_code == 200


def test_an_installation_without_anything_says_0(client: Client, operator: Any) -> None:
    client.force_login(operator)
    text = read(client).content.decode()
    assert all(LINE.fullmatch(line) for line in text.splitlines()), text
    found = said(text)
    assert found['events{state="received"}'] == found['oldest_event_seconds{state="dead"}'] == 0
    assert found['jobs{queue="default",state="todo"}'] == found['issues{severity="high"}'] == 0
    assert found["workers"] == 0
    assert found["backup_success_timestamp_seconds"] == found["dirty_days"] == 0


def test_it_says_what_waits_how_long_and_what_is_at_risk(client: Client, operator: Any) -> None:
    now = timezone.now()
    for number, status in enumerate(("received", "received", "failed", "dead", "processed")):
        at = now - timedelta(seconds=100 * (number + 1))
        build(StripeEvent, stripe_id=f"evt_{number}", status=status, received_at=at)
    wake_worker()
    run = build(CheckRun, started_at=now - timedelta(seconds=9), finished_at=now, crashed=0)
    CheckRun.objects.filter(pk=run.pk).update(
        only=[], results=[{"check": "order_oversold", "milliseconds": 1500}]
    )
    for number, (severity, amount, currency) in enumerate(
        [("high", 700, "eur"), ("high", 50, "eur"), ("high", 9, "jpy"), ("low", None, "")]
    ):
        build(
            Issue, subject_id=str(number), severity=Severity(severity), status="open",
            amount_minor=amount, currency=currency,
        )  # fmt: skip
    build(Issue, subject_id="gone", severity="high", status="resolved", resolved_at=now)
    SnapshotState.objects.update_or_create(pk=1, defaults={"refreshed_at": now})
    DirtyDay.objects.all().delete()
    for _ in range(3):
        DirtyDay.objects.create(day=now.date(), created_at=now)
    with acting_as(job("backup")):
        record("backup.succeeded")
    seal()
    with acting_as(job("backup")):
        record("backup.failed")
    client.force_login(operator)
    found = said(read(client).content.decode())
    assert found['events{state="received"}'] == 2
    assert 200 <= found['oldest_event_seconds{state="received"}'] < 260
    assert found['events{state="failed"}'] == found['events{state="dead"}'] == 1
    assert found['jobs{queue="default",state="todo"}'] == 1
    assert 0 <= found['oldest_job_seconds{queue="default",state="todo"}'] < 60
    assert found["checks_duration_seconds"] == 9
    assert found["checks_success_timestamp_seconds"] == pytest.approx(now.timestamp())
    assert found['check_duration_seconds{check="order_oversold"}'] == 1.5
    assert (found['issues{severity="high"}'], found['issues{severity="low"}']) == (3, 1)
    money = {name: value for name, value in found.items() if name.startswith("issues_money")}
    assert money == {
        'issues_money_minor{severity="high",currency="eur"}': 750,
        'issues_money_minor{severity="high",currency="jpy"}': 9,
    }
    assert found["snapshots_refreshed_timestamp_seconds"] == pytest.approx(now.timestamp())
    assert found["dirty_days"] == 1
    for name in ("backup_success_timestamp_seconds", "audit_sealed_timestamp_seconds"):
        assert 0 <= timezone.now().timestamp() - found[name] < 60
    assert 0 < found["audit_unsealed_seconds"] < 60


def test_it_reads_no_big_table_whole(
    client: Client, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.METRICS_TOKEN = TOKEN
    with django_assert_num_queries(11):
        read(client, TOKEN)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_stripeevent (stripe_id, source, type, object_type, object_id,
                api_version, livemode, as_of, payload, note, received_at, status, attempts,
                not_before, error)
            SELECT 'evt_' || n, 'webhook', 'charge.updated', 'charge', 'ch_' || n, '', false,
                now(), '{}', '', now(), CASE WHEN n % 1000 = 0 THEN 'dead' ELSE 'processed' END,
                1, now(), ''
            FROM generate_series(1, 5000) AS n
            """
        )
        cursor.execute("ANALYZE payments_stripeevent")
        cursor.execute(f"EXPLAIN {figures.EVENTS}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on payments_stripeevent" not in plan, plan
    found = said(read(client, TOKEN).content.decode())
    assert (found['events{state="dead"}'], found["events_stored"]) == (5, 5000)


def test_latency_is_counted_by_route_and_never_by_what_stands_in_an_address(
    client: Client, operator: Any
) -> None:
    client.force_login(operator)
    before = said(exposition([latency.durations()]))
    for number in range(3):
        client.get(f"/admin/orders/order/{number}/change/")
        client.get(f"/nowhere/{number}/")
    after = said(exposition([latency.durations()]))
    grown = {name for name in after if after[name] != before.get(name) and "_count" in name}
    assert grown == {
        'http_request_duration_seconds_count{route="/admin/orders/order/<path:object_id>/change/"'
        ',status="3xx"}',
        'http_request_duration_seconds_count{route="none",status="4xx"}',
    }
    last = '_bucket{route="none",status="4xx",le="+Inf"}'
    assert after[f"http_request_duration_seconds{last}"] == after[
        'http_request_duration_seconds_count{route="none",status="4xx"}'
    ]  # fmt: skip


def test_a_histogram_is_cumulative() -> None:
    route = "/stripe/webhook/"
    name = "http_request_duration_seconds_bucket"

    def counts() -> list[float]:
        found = said(exposition([latency.durations()]))
        limits = ("0.005", "0.01", "10.0", "+Inf")
        return [
            found.get(f'{name}{{route="{route}",status="1xx",le="{one}"}}', 0) for one in limits
        ]

    before = counts()
    for seconds in (0.005, 0.0051, 11.0):
        latency.observe(route, 100, seconds)
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 2, 2, 3]


def test_labels_are_escaped() -> None:
    metric = Metric("m", "two\nlines")
    metric.add(1, label='a"b\\c\n')
    assert exposition([metric]).splitlines() == [
        "# HELP countinghouse_m two\\nlines",
        "# TYPE countinghouse_m gauge",
        'countinghouse_m{label="a\\"b\\\\c\\n"} 1',
    ]


@pytest.mark.django_db(transaction=True)
def test_any_process_of_the_server_answers_for_all_and_for_those_that_ended(
    processes: list[Running],
) -> None:
    listening = loopback_socket()
    arguments = ["-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listening.fileno()}"]
    arguments += ["--workers", "2"]
    server = start("gunicorn", arguments, environment({"METRICS_TOKEN": TOKEN}), listening)
    processes.append(server)
    booted = re.compile(r"Booting worker with pid: (\d+)")
    server.wait_for(lambda: answers(server.url, "/readyz") == 200, "ready")
    server.wait_for(lambda: len(booted.findall(server.output())) == 2, "two")
    count = 'http_request_duration_seconds_count{route="/accounts/login/",status="2xx"}'

    def counted() -> float:
        return said(fetch(server.url)).get(count, 0)

    for _ in range(20):
        assert answers(server.url, "/accounts/login/") == 200
    assert {counted() for _ in range(8)} == {20}
    assert "Control socket" not in server.output()  # nobody steers it from elsewhere
    os.kill(int(booted.findall(server.output())[0]), signal.SIGKILL)
    server.wait_for(lambda: len(booted.findall(server.output())) == 3, "two again")
    server.wait_for(lambda: answers(server.url, "/accounts/login/") == 200, "answering")
    assert {counted() for _ in range(8)} == {21}


def fetch(url: str) -> str:
    place = urlsplit(url)
    client = HTTPConnection(place.hostname or "", place.port, timeout=30)
    client.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = client.getresponse()
    assert answer.status == 200
    return answer.read().decode()
