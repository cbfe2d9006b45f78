"""The export of orders: what the list shows, safe to open, and audited however it ends."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from auditlog.exports import BLOCK
from auditlog.models import AuditEvent
from auditlog.tests.downloads import break_off
from orders.models import Order
from orders.tests.mirror import at, put, refund

pytestmark = pytest.mark.django_db
EXPORT = reverse("admin:orders_order_export")
LIST = reverse("admin:orders_order_changelist")


def export(client: Client, query: str = "") -> Any:
    response = client.post(EXPORT + query)
    assert response.status_code == 200
    assert isinstance(response, StreamingHttpResponse)
    return response


def whole(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(whole(export(client, query)).decode())))


def trace() -> AuditEvent:
    return AuditEvent.objects.get(action="order.exported")


def test_the_header_row_is_what_the_contract_says(as_operator):
    file = settings.BASE_DIR / "analyticsapp" / "exports" / "schema.json"
    promised = json.loads(file.read_text())["exports"]["orders"]["columns"]
    header = whole(export(as_operator)).decode().splitlines()[0]
    assert header.split(",") == [column["name"] for column in promised]


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("gbp", 123456, "1234.56"),
        ("gbp", 5, "0.05"),
        ("jpy", 123456, "123456"),
        ("kwd", 123456, "123.456"),
        ("isk", 123400, "1234.00"),
        ("usd", 10**15, "10000000000000.00"),
    ],
)
def test_amounts_stand_in_minor_units_and_with_the_currencys_decimals(
    as_operator, shop_order, currency, minor, text
):
    shop_order("A-1", currency=currency, total_minor=minor)
    (row,) = rows(as_operator)
    assert (row["total_minor"], row["total"], row["currency"]) == (str(minor), text, currency)
    assert (row["tax_minor"], row["tax"]) == ("", "")  # unknown isn't 0


def called(order: Order, number: str, **values: str) -> None:
    """Name an order as services wouldn't, but a row from before their rules may be named."""
    Order.objects.filter(pk=order.pk).update(number=number, **values)


def test_negative_amounts_stay_numbers(as_operator, shop_order):
    Order.objects.filter(pk=shop_order("A-1").pk).update(discount_minor=-5)
    (row,) = rows(as_operator)
    assert (row["discount_minor"], row["discount"]) == ("-5", "-0.05")


@pytest.mark.parametrize(
    "number", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("x","y")']
)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(as_operator, shop_order, number):
    called(shop_order("A-1"), number, email=number.strip() + "@example.com")
    (row,) = csv.DictReader(io.StringIO(whole(export(as_operator)).decode(), newline=""))
    assert row["number"] == "'" + number
    assert not row["email"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_other_text_is_left_as_it_is(as_operator, shop_order):
    numbers = {'a "quoted", one', "two\nlines", "a=b", "é–中"}
    for place, number in enumerate(numbers):
        called(shop_order(f"A-{place}"), number)
    content = whole(export(as_operator)).decode()
    assert {row["number"] for row in csv.DictReader(io.StringIO(content, newline=""))} == numbers


def test_times_are_utc_and_what_hasnt_happened_is_empty(as_operator, paid):
    (row,) = rows(as_operator)
    assert row["placed_at"] == "2026-03-01T11:50:00Z"
    assert datetime.fromisoformat(row["paid_at"]) == at(1).astimezone(UTC)
    assert row["fulfilled_at"] == ""


def test_it_holds_what_the_list_shows_with_the_same_filter_and_search(
    as_operator, paid, shop_order
):
    for n in range(60):
        shop_order(f"B-{n:02}", placed_at=at(n))
    put(refund(amount=1))
    assert [row["number"] for row in rows(as_operator, "?refund_status=partial")] == ["A-1"]
    (row,) = rows(as_operator, "?refund_status=partial")
    assert (row["refunded"], row["refund_status"], row["flag_oversold"]) == (
        "0.01",
        "partial",
        "no",
    )
    assert [row["number"] for row in rows(as_operator, "?q=A-1,B-07&status=pending")] == ["B-07"]
    # All pages, in the list's order.
    everything = [row["number"] for row in rows(as_operator, "?p=2")]
    assert everything == [f"B-{n:02}" for n in range(59, -1, -1)] + ["A-1"]
    pasted = " ".join(f"B-{n:02}{' ' * 50}" for n in range(60))
    kept = as_operator.post(reverse("admin:orders_order_search"), {"q": pasted}).url
    assert "pasted" in kept
    assert len(rows(as_operator, kept.removeprefix(LIST))) == 60


def test_what_was_taken_is_audited_with_filter_rows_and_digest(as_operator, operator, shop_order):
    called(shop_order("A-1"), "two\nlines")
    shop_order("A-2")
    response = export(as_operator, "?status=pending&q=A-2%0Atwo%0Aann@example.com")
    assert not AuditEvent.objects.filter(action="order.exported").exists()
    content = whole(response)
    event = trace()
    assert event.actor == operator
    assert event.request_id == response["X-Request-ID"]
    assert event.after == {
        "filter": {"status": "pending"},
        "search": ["A-2", "two", "an e-mail address"],
        "outcome": "complete",
        "rows": 1,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_a_download_that_breaks_off_leaves_its_trace(as_operator):
    Order.objects.bulk_create(
        Order(
            number=f"A-{n}",
            source="shop",
            currency="eur",
            total_minor=n,
            placed_at=at(n),
            created_at=at(n),
        )
        for n in range(3000)
    )
    response = export(as_operator)
    first = next(iter(response.streaming_content))
    assert BLOCK <= len(first) < BLOCK + 1000
    break_off(response)
    after = trace().after
    assert (after["outcome"], after["bytes"]) == ("aborted", len(first))
    assert 0 < after["rows"] < 3000
    assert after["sha256"] == hashlib.sha256(first).hexdigest()
    with connection.cursor() as cursor:  # the connection is as good as before
        cursor.execute("SELECT 1")


def test_an_export_that_isnt_even_begun_to_be_read_leaves_its_trace(as_operator, shop_order):
    shop_order("A-1")
    break_off(export(as_operator))
    assert trace().after["outcome"] == "aborted"


def test_nothing_found_is_a_header_alone(as_operator, shop_order):
    shop_order("A-1")
    for query in ("?q=nothing", "?q=%00"):
        assert len(whole(export(as_operator, query)).splitlines()) == 1


@pytest.mark.parametrize("query", ["?q=pasted:0000", "?q=" + "+".join(map(str, range(201)))])
def test_what_the_list_refuses_isnt_exported(as_operator, query):
    response = as_operator.post(EXPORT + query)
    assert response.status_code == 302
    assert response.url.startswith(LIST)
    assert not AuditEvent.objects.filter(action="order.exported").exists()


def test_only_by_post_and_only_with_the_permission(
    as_operator, client: Client, auditor: User, executive: User, paid
):
    assert as_operator.get(EXPORT).status_code == 405
    assert "Export what this filter shows" in as_operator.get(LIST).content.decode()
    for person in (auditor, executive):
        client.force_login(person)
        assert client.post(EXPORT).status_code == 403
    client.force_login(auditor)
    assert "Export what this filter shows" not in client.get(LIST).content.decode()
    assert not AuditEvent.objects.filter(action="order.exported").exists()


def test_an_unknown_filter_leads_back_to_the_list(as_operator):
    assert as_operator.post(EXPORT + "?no_such=1").url == LIST
