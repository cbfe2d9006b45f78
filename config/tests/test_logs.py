"""Log lines of production, and the request id that leads from a webhook to all that came of it."""

from __future__ import annotations

import http.client
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from config.logs import JsonFormatter
from config.tests.processes import WEBHOOK_SECRET, Running, StartWorker
from orders.models import Order
from orders.services.creation import NewOrder, create_order
from payments import inbox
from payments.models import Source, StripeEvent
from payments.processing import drain
from payments.tests import stripe_events as make
from payments.tests.stripe_events import body, event
from payments.tests.test_webhook import signature

REQUEST_ID = "shop-4711.checkout"


def lines(process: Running) -> list[dict[str, Any]]:
    """All that the process has printed: each line is a JSON object."""
    return [json.loads(line) for line in process.output().splitlines()]


def ask(
    url: str, method: str, path: str, headers: dict[str, str], sent: bytes | None = None
) -> tuple[int, str | None, str]:
    """The answer's status, its request id, and what it says."""
    place = urlsplit(url)
    client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    client.request(method, path, sent, headers)
    answer = client.getresponse()
    said = answer.read().decode()
    client.close()
    return answer.status, answer.headers["X-Request-ID"], said


@pytest.mark.django_db(transaction=True)
def test_one_id_leads_from_the_webhook_to_the_job_its_log_lines_and_the_audit_log(
    gunicorn: Any, worker: StartWorker, processes: list[Running]
) -> None:
    env = {
        "LOG_FORMAT": "json",
        "GUNICORN_CMD_ARGS": "--access-logfile -",
        "METRICS_TOKEN": "a-token-of-24-characters",
    }
    url = gunicorn(env)
    web = processes[-1]
    new = NewOrder(number="A-1", currency="eur", total_minor=5000, placed_at=timezone.now())
    create_order(new, source=Order.Source.SHOP, reason="from the shop")
    known = event("payment_intent.created", make.payment_intent(metadata={"order": "A-1"}))
    inbox.store([known], Source.LISTED)
    drain()
    payload = body(event("charge.succeeded", make.charge()))
    headers = {"Stripe-Signature": signature(payload, secret=WEBHOOK_SECRET)}
    headers["X-Request-ID"] = REQUEST_ID
    status, said_id, _ = ask(url, "POST", "/stripe/webhook/?key=secret", headers, payload)
    assert (status, said_id) == (200, REQUEST_ID)
    row = StripeEvent.objects.get(source=Source.WEBHOOK)
    assert row.request_id == REQUEST_ID

    working = worker(env)
    working.wait_for(
        lambda: StripeEvent.objects.get(pk=row.pk).status == "processed", "done with the event"
    )
    [paid] = AuditEvent.objects.filter(action="order.paid")
    assert (paid.after["event"], paid.actor_name) == (row.pk, "job:process_events")
    assert paid.request_id == REQUEST_ID
    token = {"Authorization": "Bearer " + env["METRICS_TOKEN"]}
    assert "\ncountinghouse_workers 1\n" in ask(url, "GET", "/metrics", token)[2]
    working.wait_for(lambda: "events processed" in working.output(), "saying so")
    [said] = [line for line in lines(working) if line.get("request_id") == REQUEST_ID]
    assert said | {"job": 0, "time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "payments.tasks",
        "message": "1 events processed, 0 failed, 0 dead",
        "request_id": REQUEST_ID,
        "actor": "job:process_events",
        "job": 0,
        "task": "payments.process_events",
        "queue": "default",
    }
    assert ask(url, "GET", "/nowhere/", {"X-Request-ID": "nobody-is-there"})[0] == 404
    ask(url, "GET", "/nowhere/ann@example.com/", {})
    web.wait_for(lambda: "GET [redacted]/ 404" in web.output(), "saying so")
    assert "example.com" not in web.output()
    web.wait_for(lambda: "Not Found" in web.output(), "saying that it isn't there")
    [missed] = [line for line in lines(web) if line["message"] == "Not Found: /nowhere/"]
    assert missed["request_id"] == "nobody-is-there"
    web.wait_for(lambda: "POST" in web.output(), "saying what was asked for")
    [asked] = [line for line in lines(web) if line.get("request_id") == REQUEST_ID]
    assert asked["message"].startswith("POST /stripe/webhook/ 200 in ")
    assert any("Listening at" in line["message"] for line in lines(web))


@pytest.mark.django_db
def test_an_id_that_is_none_is_replaced_and_every_answer_has_one() -> None:
    for given in (
        "",
        "short",
        "x" * 65,
        "a b c d e f g h",
        "12345678\r\nSet-Cookie: a=b",
        "éééééééé",
    ):
        headers = {"X-Request-ID": given} if given else {}
        answer = Client().get("/nowhere/", headers=headers)
        assert answer.status_code == 404
        assert len(answer["X-Request-ID"]) == 32
        assert answer["X-Request-ID"] != given
    for path in ("/healthz", "/accounts/login/", "/static/nothing.css"):
        answer = Client().get(path, headers={"X-Request-ID": REQUEST_ID})
        assert answer["X-Request-ID"] == REQUEST_ID


def written(record: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.django_db
def test_a_line_says_whose_it_is_and_nothing_that_a_library_adds(
    operator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with acting_as(Actor("olive@example.com", operator, request_id="req-12345678")):
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("some.library").exception("Failed\n%s", "badly", extra={"card": "42"})
        [record] = caplog.records
        said = written(record)
    assert said["actor"] == f"user:{operator.pk}"
    assert said["request_id"] == "req-12345678"
    assert said["message"] == "Failed\nbadly"
    assert said["exception"].endswith("ValueError: two\nlines")
    assert "card" not in said
    assert "olive" not in json.dumps(said)

    # Django says of a refusal, and the queue of a failure, when nobody acts any more.
    caplog.clear()
    Client().get("/nowhere/?email=x@example.com", headers={"X-Request-ID": REQUEST_ID})
    [record] = [one for one in caplog.records if one.name == "django.request"]
    assert written(record)["request_id"] == REQUEST_ID
    job = {"id": 7, "task_name": "t", "queue": "default", "task_kwargs": {"request_id": "req-9"}}
    logging.getLogger("procrastinate.worker").error("Job failed", extra={"job": job})
    said = written(caplog.records[-1])
    assert {name: said[name] for name in ("request_id", "job", "task", "queue")} == {
        "request_id": "req-9", "job": 7, "task": "t", "queue": "default",
    }  # fmt: skip
