"""The webhook's door: who gets in, and what each kind of bad input is told."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from auditlog.models import AuditEvent
from config.tests.processes import WEBHOOK_SECRET, Running
from payments import inbox
from payments.models import Customer, Source, StripeEvent
from payments.processing import drain
from payments.tests import stripe_events as make
from payments.tests.stripe_events import body, event

pytestmark = pytest.mark.django_db

URL = "/stripe/webhook/"
SECRET = "whsec_test_old"
NEW_SECRET = "whsec_test_new"


@pytest.fixture(autouse=True)
def _secrets(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET, NEW_SECRET]


def signature(payload: bytes, *, secret: str = SECRET, at: int | None = None) -> str:
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def post(payload: bytes, header: str | None = None, client: Client | None = None) -> Any:
    return (client or Client()).post(
        URL,
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": signature(payload) if header is None else header},
    )


def test_a_signed_event_is_stored_once_and_answered_each_time() -> None:
    payload = body(event("customer.created", make.customer()))
    assert post(payload).json() == {"received": True, "duplicate": False}
    assert post(payload).json() == {"received": True, "duplicate": True}
    row = StripeEvent.objects.get()
    assert (row.source, row.status, row.payload) == ("webhook", "received", json.loads(payload))


def test_an_event_that_was_listed_first_is_noted_as_delivered_once_it_comes() -> None:
    payload = event("customer.created", make.customer())
    inbox.store([payload], Source.LISTED)
    assert StripeEvent.objects.get().delivered_at is None
    assert post(body(payload)).json() == {"received": True, "duplicate": True}
    row = StripeEvent.objects.get()
    assert row.source == "listed"
    assert row.delivered_at is not None
    post(body(payload))
    assert StripeEvent.objects.get().delivered_at == row.delivered_at


def test_a_session_that_is_sent_along_is_not_looked_for_and_not_ended(
    operator: User, django_assert_num_queries: Any
) -> None:
    client = Client()
    client.force_login(operator)
    with django_assert_num_queries(0):
        assert post(b"{}", "t=1,v1=00", client).status_code == 400
        assert client.get(URL).status_code == 405
    assert client.get("/accounts/password/").status_code == 200


def test_any_of_several_secrets_is_good_while_one_is_rotated() -> None:
    for secret in (SECRET, NEW_SECRET):
        payload = body(event("customer.created", make.customer(f"cus_{secret}")))
        assert post(payload, signature(payload, secret=secret)).status_code == 200
    payload = body(event("customer.created", make.customer("cus_other")))
    both = f"{signature(payload, secret='whsec_gone')},v1=" + signature(payload).split("v1=")[1]
    assert post(payload, both).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=abc", "t=abc,v1=abc", "t=,v1=", "nonsense", "t=1,v1=\xe9\xe9", "t=9" * 2000],
)
def test_a_bad_signature_is_400_without_a_row_or_a_log_line(
    header: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        response = post(body(event("customer.created", make.customer())), header)
    assert (response.status_code, response.json()) == (400, {"error": "no valid signature"})
    assert not StripeEvent.objects.exists()
    assert caplog.records == []


def test_a_wrong_secret_or_another_body_is_refused() -> None:
    payload = body(event("customer.created", make.customer()))
    assert post(payload, signature(payload, secret="whsec_other")).status_code == 400
    assert post(payload + b" ", signature(payload)).status_code == 400


def test_a_stale_timestamp_is_refused() -> None:
    payload = body(event("customer.created", make.customer()))
    now = int(time.time())
    assert post(payload, signature(payload, at=now - 290)).status_code == 200
    assert post(payload, signature(payload, at=now - 310)).status_code == 400


def test_an_event_of_the_other_mode_is_refused_where_the_key_says_which_is_right(
    settings: Any,
) -> None:
    live = body(event("customer.created", make.customer("cus_live"), livemode=True))
    test = body(event("customer.created", make.customer("cus_test"), livemode=False))
    for key, right, wrong in (("rk_test_x", test, live), ("rk_live_x", live, test)):
        settings.STRIPE_API_KEY = key
        answer = post(wrong)
        assert answer.status_code == 400
        assert "the key is of the other" in answer.json()["error"]
        assert post(right).status_code == 200
    settings.STRIPE_API_KEY = ""
    assert post(live).json() == {"received": True, "duplicate": True}
    assert StripeEvent.objects.count() == 2


def test_a_flood_of_bad_signatures_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture, queries: Callable[[], Any]
) -> None:
    """No row, no log line, not even a look into the database."""
    payload = body(event("customer.created", make.customer()))
    client = Client()
    with caplog.at_level(logging.DEBUG), queries() as captured:
        for n in range(200):
            assert post(payload, f"t={int(time.time())},v1={n:064x}", client).status_code == 400
    assert len(captured) == 0
    assert [one for one in caplog.records if one.levelno >= logging.INFO] == []
    assert not StripeEvent.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_slow_bodies_are_cut_off_and_meanwhile_other_events_are_taken(
    gunicorn: Callable[..., str],
) -> None:
    place = urlsplit(gunicorn({"STRIPE_WEBHOOK_BODY_SECONDS": "1"}))
    address = (place.hostname or "", place.port or 0)
    head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    slow = [socket.create_connection(address, timeout=30) for _ in range(3)]
    for each in slow:  # of the four threads
        each.sendall(head.encode() + b"{")
    payload = body(event("customer.created", make.customer()))
    client = http.client.HTTPConnection(*address, timeout=30)
    headers = {"Stripe-Signature": signature(payload, secret=WEBHOOK_SECRET)}
    client.request("POST", URL, payload, headers)
    assert client.getresponse().status == 200
    client.close()
    for each in slow:
        with contextlib.suppress(OSError):
            each.sendall(b" ")  # a byte now and then doesn't help
        assert each.recv(100).startswith(b"HTTP/1.1 408 ")
        each.close()


@pytest.mark.django_db(transaction=True)
def test_slow_senders_hold_no_thread_for_long(
    gunicorn: Callable[..., str], processes: list[Running]
) -> None:
    place = urlsplit(gunicorn({"REQUEST_SECONDS": "1"}))
    address = (place.hostname or "", place.port or 0)
    token = "a" * 32
    head = f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={token}\r\n"
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    form += f"csrfmiddlewaretoken={token}&username=olive&password=guess"
    slow = [socket.create_connection(address, timeout=30) for _ in range(8)]
    for number, each in enumerate(slow):
        each.sendall(f"{head}{form if number % 2 else 'X-A: '}".encode())
    time.sleep(0.5)
    client = http.client.HTTPConnection(*address, timeout=30)
    client.request("GET", "/healthz")  # it waits for one of the four threads
    assert client.getresponse().status == 200
    client.close()
    for number, each in enumerate(slow):
        answer = each.recv(100)
        # A form without its end is none, though all fields that matter have arrived.
        assert answer.startswith(b"HTTP/1.1 403 ") if number % 2 else answer == b""
        each.close()
    assert "Traceback" not in processes[-1].output()


def test_other_methods_are_405() -> None:
    for method in ("get", "put", "delete", "patch", "head"):
        response = getattr(Client(), method)(URL)
        assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_body_past_one_mebibyte_is_413() -> None:
    assert post(b" " * (1024 * 1024 + 1), "t=1,v1=x").status_code == 413


def test_without_a_secret_nothing_is_taken(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert post(body(event("customer.created", make.customer()))).status_code == 503


def test_before_the_tables_are_there_stripe_is_asked_to_come_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_stripeevent RENAME TO not_yet")
    assert post(body(event("customer.created", make.customer()))).status_code == 503


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["procrastinate_jobs", "procrastinate_events"])
def test_an_event_that_is_stored_is_taken_even_if_no_worker_can_be_woken(broken: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {broken} RENAME TO broken")
        try:
            assert post(body(event("customer.created", make.customer()))).status_code == 200
        finally:
            cursor.execute(f"ALTER TABLE broken RENAME TO {broken}")
    assert StripeEvent.objects.get().status == "received"


@pytest.mark.django_db(transaction=True)
def test_a_body_in_chunks_is_taken_like_any_other(gunicorn: Callable[..., str]) -> None:
    place = urlsplit(gunicorn())
    payload = body(event("customer.created", make.customer()))
    sign = partial(signature, secret=WEBHOOK_SECRET)

    def send(chunks: list[bytes], header: str, encoded: bool = False) -> tuple[int, Any]:
        client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        headers = {"Stripe-Signature": header, "Transfer-Encoding": "chunked"}
        client.request("POST", URL, iter(chunks), headers, encode_chunked=not encoded)
        response = client.getresponse()
        answer = json.loads(response.read())
        client.close()
        return response.status, answer

    halves = [payload[:100], payload[100:]]
    assert send(halves, sign(payload)) == (200, {"received": True, "duplicate": False})
    assert send(halves, sign(b"other"))[0] == 400
    assert send([b" " * 2**20, b" "], "t=1,v1=x")[0] == 413
    broken = send([b"zz\r\n"], "t=1,v1=x", encoded=True)
    assert broken == (400, {"error": "the body did not arrive whole"})


def nested(depth: int) -> bytes:
    inner = b"[" * depth + b"]" * depth
    return (
        b'{"id":"evt_deep","object":"event","type":"customer.created","created":1700000000,'
        b'"livemode":false,"data":{"object":{"id":"cus_1","object":"customer","x":' + inner + b"}}}"
    )


def without(*path: str) -> bytes:
    payload: Any = event("customer.created", make.customer())
    inner = payload
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return body(payload)


def changed(**values: Any) -> bytes:
    return body({**event("customer.created", make.customer()), **values})


BAD_BODIES = {
    "empty": (b"", "not JSON"),
    "truncated": (body(event("customer.created", make.customer()))[:-20], "not JSON"),
    "not JSON": (b"<xml/>", "not JSON"),
    "not an object": (b"[1, 2]", "not a JSON object"),
    "not UTF-8": (b'{"id": "\xff\xfe"}', "no valid signature"),
    "a raw NUL": (b'{"id": "evt\x00"}', "not JSON"),
    "NaN": (changed()[:-1] + b', "x": NaN}', "number"),
    "Infinity": (changed()[:-1] + b', "x": -Infinity}', "number"),
    "1e400": (changed()[:-1] + b', "x": 1e400}', "number"),
    "a number of 5,000 digits": (changed()[:-1] + b', "x": ' + b"9" * 5000 + b"}", "number"),
    "nested 200 deep": (nested(200), "nested"),
    "nested 5,000 deep": (nested(5000), "nested"),
    "nested 100,000 deep": (nested(100_000), "nested"),
    "no id": (without("id"), "id is missing"),
    "no type": (without("type"), "type is missing"),
    "no created": (without("created"), "created"),
    "no data": (without("data"), "data.object is missing"),
    "no object": (without("data", "object"), "data.object is missing"),
    "no kind": (without("data", "object", "object"), "data.object.object is missing"),
    "id of 10 kB": (changed(id="evt_" + "x" * 10_000), "id is missing or not an id"),
    "id with NUL": (changed(id="evt_\0"), "id is missing or not an id"),
    "id that is a number": (changed(id=7), "id is missing or not an id"),
    "object id of 10 kB": (
        changed(data={"object": make.customer("c" * 10_000)}),
        "data.object.id is not an id",
    ),
    "type of 10 kB": (changed(type="x" * 10_000), "type is missing or not an event's type"),
    "created before 1970": (changed(created=-1), "created is out of range"),
    "created in the year 31690708": (changed(created=10**15), "created is out of range"),
    "created tomorrow": (changed(created=int(time.time()) + 10 * 86_400), "lies in the future"),
    "created as a text": (changed(created="yesterday"), "created is a text"),
    "livemode as a text": (changed(livemode="no"), "livemode is not true or false"),
    "version of 1 kB": (changed(api_version="2" * 1000), "api_version"),
    "data that is a list": (changed(data=[1]), "data.object is missing"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies_are_400_by_name_and_block_nothing(name: str) -> None:
    payload, reason = BAD_BODIES[name]
    response = post(payload)
    assert response.status_code == 400, response.content
    assert reason in response.json()["error"]
    assert not StripeEvent.objects.exists()
    assert post(body(event("customer.created", make.customer("cus_next")))).status_code == 200
    assert drain().processed == 1


def test_characters_that_cannot_be_stored_are_replaced_and_noted() -> None:
    payload = event("customer.created", make.customer(name="A\0n\ud800n \N{PILE OF POO}"))
    assert post(body(payload)).status_code == 200
    assert drain().processed == 1
    assert Customer.objects.get().name == "A\ufffdn\ufffdn \N{PILE OF POO}"
    assert "replaced" in StripeEvent.objects.get().note


@pytest.mark.parametrize("field", ["account", "api_version"])
@pytest.mark.parametrize("odd", ["\0", "\ud800", "\0\udfff" * 30], ids=["NUL", "half", "many"])
def test_odd_characters_of_the_envelope_are_replaced_too(field: str, odd: str) -> None:
    payload = changed(**{field: f"a{odd}b"})
    assert post(payload).status_code == 200
    row = StripeEvent.objects.get()
    assert "\ufffd" in row.payload[field]
    assert "\ufffd" in (row.note if field == "account" else row.api_version)
    assert drain().failed == 0


def test_an_unknown_type_is_kept_and_ignored() -> None:
    post(body(event("treasury.something", {"id": "x_1", "object": "treasury.thing"})))
    post(body(event("invoice.upcoming", make.invoice() | {"id": None})))
    assert set(StripeEvent.objects.values_list("status", flat=True)) == {"ignored"}
    assert drain().total == 0


def test_an_unknown_type_of_a_known_object_is_an_observation() -> None:
    post(body(event("customer.renamed_by_royal_decree", make.customer(name="Ann II"))))
    assert drain().processed == 1
    assert Customer.objects.get().name == "Ann II"


def test_an_unknown_enum_and_an_unknown_version_are_kept_as_they_came() -> None:
    payload = event("charge.succeeded", make.charge(status="teleported"), version="2031-01-01.ivy")
    assert post(body(payload)).status_code == 200
    assert drain().processed == 1
    from payments.models import Charge

    row = Charge.objects.get()
    assert (row.status, row.api_version) == ("teleported", "2031-01-01.ivy")


def test_an_event_of_another_account_is_kept_and_has_no_effect() -> None:
    payload = event("customer.created", make.customer(), account="acct_other")
    assert post(body(payload)).status_code == 200
    row = StripeEvent.objects.get()
    assert (row.status, row.note) == ("ignored", "of another account, acct_other")
    drain()
    assert not Customer.objects.exists()


def test_what_stripe_said_cannot_be_changed_or_removed() -> None:
    from django.db import DatabaseError, connection, transaction

    post(body(event("customer.created", make.customer())))
    for sql in (
        "UPDATE payments_stripeevent SET payload = '{}'",
        "UPDATE payments_stripeevent SET as_of = now()",
        "DELETE FROM payments_stripeevent",
        "TRUNCATE payments_stripeevent CASCADE",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert StripeEvent.objects.get().payload["id"]
