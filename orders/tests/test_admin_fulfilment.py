"""Fulfilling in the admin: with a tracking number, from a file; notes."""

from __future__ import annotations

import html
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from orders.models import Order, OrderNote
from orders.tests.conftest import enforce
from orders.tests.mirror import charge, intent, put
from orders.tests.test_admin import act, inline_code
from orders.tests.test_bulk import confirm, results, state

pytestmark = pytest.mark.django_db
FILE = "admin:orders_order_fulfil_file"
HEADER = b"order number;carrier;tracking\n"


def upload(client: Client, content: bytes, name: str = "sent.csv") -> Any:
    return client.post(reverse(FILE), {"file": SimpleUploadedFile(name, content)})


def apply(client: Client, page: Any, reason: str = "today's parcels") -> Any:
    """Press the button of the page that says what would be done."""
    values = page.context["form"].initial
    return client.post(reverse(FILE), {**values, "reason": reason})


def skipped(page: Any) -> list[tuple[int, str, str]]:
    assert page.status_code == 200
    rows = page.context["skipped"]
    return [(one.shipment.line, one.shipment.number, one.refusal) for one in rows]


def tracked() -> dict[str, tuple[str, str, str]]:
    rows = Order.objects.values_list("number", "status", "carrier", "tracking_number")
    return {number: (status, carrier, tracking) for number, status, carrier, tracking in rows}


@pytest.fixture
def second(shop_order: Any) -> Order:
    order: Order = shop_order("A-2")
    put(intent("pi_2", order="A-2"), charge("ch_2", payment_intent_id="pi_2"))
    return order


def test_an_order_is_fulfilled_with_carrier_and_number(as_operator, paid):
    values = {"carrier": "UPS", "tracking_number": "1Z 999", "reason": "sent"}
    act(as_operator, paid, "fulfil", **values)
    assert tracked() == {"A-1": ("fulfilled", "UPS", "1Z 999")}


@pytest.mark.parametrize("field", ["carrier", "tracking_number"])
def test_a_wrong_tracking_number_is_said_at_its_field(as_operator, paid, field):
    page = act(as_operator, paid, "fulfil", **{field: "x" * 256, "reason": "sent"})
    assert list(page.context["form"].errors) == [field]
    assert tracked() == {"A-1": ("paid", "", "")}


def test_a_tracking_number_is_corrected(as_operator, paid):
    act(as_operator, paid, "fulfil", carrier="UPS", tracking_number="1Z 999", reason="sent")
    page = as_operator.get(reverse("admin:orders_order_tracking", args=[paid.pk]))
    assert 'value="1Z 999"' in page.content.decode()
    same = act(
        as_operator, paid, "tracking", carrier="UPS", tracking_number="1Z 999", reason="misread"
    )
    assert "known already" in same.content.decode()
    act(as_operator, paid, "tracking", carrier="DHL", tracking_number="00 7", reason="misread")
    assert tracked() == {"A-1": ("fulfilled", "DHL", "00 7")}


# From a file


def test_a_file_is_shown_first_and_then_done(as_operator, operator, paid, second):
    before = state()
    page = upload(as_operator, HEADER + b"A-1;UPS;1Z 999\nA-3;UPS;1\nA-2;DHL;\n")
    shown = page.content.decode()
    assert "2 orders would be fulfilled, 1 row would be skipped." in shown
    assert inline_code(shown) == []
    assert skipped(page) == [(3, "A-3", "there is no such order")]
    assert state() == before
    done = apply(as_operator, page)
    assert "2 orders fulfilled, 1 row skipped" in done.content.decode()
    assert skipped(done) == [(3, "A-3", "there is no such order")]
    assert tracked() == {"A-1": ("fulfilled", "UPS", "1Z 999"), "A-2": ("fulfilled", "DHL", "")}
    moves = AuditEvent.objects.filter(action="order.fulfilled", actor=operator)
    assert {move.reason for move in moves} == {"today's parcels (sent.csv)"}


def test_a_skipped_row_doesnt_say_that_it_has_no_tracking_number(as_operator, paid):
    """It may have one that can't be read."""
    page = upload(as_operator, HEADER + b";UPS;2\nA-9;UPS;3\n").content.decode()
    assert "<td>–</td><td>names no order</td>" in page
    assert "<td>UPS 3</td><td>there is no such order</td>" in page


def test_a_confirmation_without_its_file_says_that_nothing_was_done(as_operator, paid):
    for values in ({"text": ""}, {"text": "no such columns\n"}):
        page = as_operator.post(reverse(FILE), {**values, "name": "x", "reason": "sent"})
        assert "Nothing was done: choose the file again." in page.content.decode()
        assert "shipping_file.html" in str(page.templates[0].name)


def test_every_row_that_is_skipped_says_why(as_operator, paid, second, shop_order):
    shop_order("A-3")
    page = upload(
        as_operator,
        HEADER
        + b"A-3;UPS;1\n;UPS;2\nA-1;UPS\nA-1;UPS;7\nA-1;UPS;7\nA-2;UPS;8\nA-2;UPS;9\n"
        + f"A-9;{'x' * 101};1\n".encode(),
    )
    assert skipped(page) == [
        (2, "A-3", "is pending, not paid"),
        (3, "", "names no order"),
        (4, "", "has 2 cells, the header 3"),
        (6, "A-1", "is said in line 5 already"),
        (7, "A-2", "lines 7 and 8 say different things of it"),
        (8, "A-2", "lines 7 and 8 say different things of it"),
        (9, "A-9", "a carrier has at most 100 characters"),
    ]


def test_the_same_file_again_does_nothing(as_operator, paid):
    content = HEADER + b"A-1;UPS;1Z 999\n"
    page = upload(as_operator, content)
    apply(as_operator, page)
    before = state()
    assert skipped(apply(as_operator, page)) == [(2, "A-1", "is fulfilled already")]
    again = upload(as_operator, content)
    assert "There is nothing to do" in again.content.decode()
    assert state() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The submitted file is empty."),
        (b"order,carrier\nA-1,UPS\n", "there is no column tracking_number"),
        (HEADER + b"A-1;UPS;\xff\n", "line 2 isn't UTF-8"),
        (HEADER + b'A-1;"UPS;1\n' + b"x" * 10 + b"\xff", "line 3 isn't UTF-8"),
        (HEADER + b"A-1;UPS;\0\n", "line 2 holds a NUL"),
        (HEADER + b"A-1;UPS;1\n" * 10_001, "more than 10,000 rows"),
        (HEADER + b"A-1;UPS;1\n" * 100_001, "larger than 1,000 kB"),
    ],
)
def test_a_file_that_cant_be_read_says_why(as_operator, paid, content, told):
    before = state()
    page = upload(as_operator, content)
    assert told in html.unescape(page.content.decode())
    assert state() == before


def test_without_a_reason_the_file_is_not_done(as_operator, paid):
    before = state()
    page = upload(as_operator, HEADER + b"A-1;UPS;1Z 999\n")
    again = apply(as_operator, page, reason=" ")
    assert "Nothing was done" in again.content.decode()
    assert state() == before
    assert (
        "1 order fulfilled"
        in as_operator.post(
            reverse(FILE), {**again.context["form"].data.dict(), "reason": "sent"}
        ).content.decode()
    )


@pytest.mark.parametrize("values", [{"text": "x", "name": "y"}, {"text": ""}, {}])
def test_a_form_of_somebody_elses_making_is_asked_for_the_file(as_operator, paid, values):
    before = state()
    page = as_operator.post(reverse(FILE), {**values, "reason": "x"})
    assert "See what it would do" in page.content.decode()
    assert state() == before


def test_who_may_only_look_may_not_send_a_file(as_auditor, paid):
    before = state()
    assert as_auditor.get(reverse(FILE)).status_code == 403
    assert upload(as_auditor, HEADER + b"A-1;UPS;1\n").status_code == 403
    values = {"text": (HEADER + b"A-1;UPS;1\n").decode(), "name": "x", "reason": "x"}
    assert as_auditor.post(reverse(FILE), values).status_code == 403
    assert state() == before
    listed = as_auditor.get(reverse("admin:orders_order_changelist")).content.decode()
    assert reverse(FILE) not in listed


def test_the_list_leads_to_the_file_page(as_operator, paid):
    listed = as_operator.get(reverse("admin:orders_order_changelist")).content.decode()
    assert f'href="{reverse(FILE)}"' in listed


# Notes


def test_a_note_is_kept_with_its_author_and_audited(as_operator, operator, paid):
    request = str(uuid4())
    for _ in range(2):  # a double click
        act(as_operator, paid, "note", text=" rang twice\nno answer ", request=request)
    note = OrderNote.objects.get()
    assert (note.order, note.actor, note.text) == (paid, operator, "rang twice\nno answer")
    entry = AuditEvent.objects.get(action="order.noted")
    assert (entry.target_id, entry.after) == (str(paid.pk), {"note": note.pk})


@pytest.mark.parametrize("text", ["", " \n", "x" * 5001, "a\0b"])
def test_a_note_says_something(as_operator, paid, text):
    act(as_operator, paid, "note", text=text, request=str(uuid4()))
    assert not OrderNote.objects.exists()


def test_one_note_for_many_orders(as_operator, paid, second):
    values = {"row": [paid.pk, second.pk], "text": "recall", "request": str(uuid4())}
    url = reverse("admin:orders_order_bulk_note")
    for _ in range(2):
        page = as_operator.post(url, values)
        assert {result for result, _ in results(page).values()} == {"done"}
    assert sorted(OrderNote.objects.values_list("order__number", "text")) == [
        ("A-1", "recall"),
        ("A-2", "recall"),
    ]


def test_notes_cant_be_changed_or_deleted(as_operator, paid):
    act(as_operator, paid, "note", text="rang twice", request=str(uuid4()))
    enforce()
    for change in (
        lambda: OrderNote.objects.update(text="never"),
        lambda: OrderNote.objects.all().delete(),
        lambda: connection.cursor().execute("TRUNCATE orders_ordernote"),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()
    assert OrderNote.objects.get().text == "rang twice"


@pytest.mark.parametrize("name", ["note", "tracking"])
def test_who_may_only_look_may_not_note_or_correct(as_auditor, paid, name):
    before = state()
    page = act(as_auditor, paid, name, text="x", request=str(uuid4()), carrier="x", reason="x")
    assert page.status_code == 403
    if name == "note":
        assert confirm(as_auditor, name, [paid.pk]).status_code == 403
    assert state() == before
    assert not OrderNote.objects.exists()
