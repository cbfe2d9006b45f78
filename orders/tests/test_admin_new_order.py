"""An operator makes an order in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from orders.models import Customer, Order, Product
from orders.tests.mirror import charge, intent, put
from orders.tests.test_admin import inline_code

pytestmark = pytest.mark.django_db
PAGE = "admin:orders_order_new_order"


def data(*lines: dict[str, str], **values: str) -> dict[str, str]:
    form = {"number": "M-1", "currency": "USD", "reason": "by telephone", **values}
    rows = {f"form-{n}-{name}": v for n, line in enumerate(lines) for name, v in line.items()}
    return {"form-TOTAL_FORMS": "5", "form-INITIAL_FORMS": "0", **rows, **form}


def send(client: Client, *lines: dict[str, str], **values: str) -> Any:
    return client.post(reverse(PAGE), data(*lines, **values))


def line(**values: str) -> dict[str, str]:
    return {"description": "A mug", "quantity": "2", "unit": "5.00", **values}


def errors(page: Any) -> dict[str, list[str]]:
    """What is said at which field; a line's with its number."""
    assert page.status_code == 200
    found = {name: list(told) for name, told in page.context["form"].errors.items()}
    for number, told in enumerate(page.context["lines"].errors, 1):
        found |= {f"{number}.{name}": list(words) for name, words in told.items()}
    return found


def test_the_empty_page_suggests_a_number_and_has_rows(as_operator):
    page = as_operator.get(reverse(PAGE))
    html = page.content.decode()
    assert html.count('name="form-4-sku"') == 1
    assert "form-5-sku" not in html
    assert page.context["form"].initial["number"].startswith("M-")
    assert "errornote" not in html
    assert inline_code(html) == []
    listed = as_operator.get(reverse("admin:orders_order_changelist")).content.decode()
    assert f'href="{reverse(PAGE)}"' in listed


def test_an_order_is_made_with_its_lines_and_audited(as_operator, operator, mug):
    done = send(
        as_operator,
        line(),
        {"sku": "MUG", "quantity": "3", "line_total": "1,234.50"},
        {},
        line(description="Voucher", quantity="1", unit="-10"),
        email=" Ann@Example.com ",
        name="Ann",
        discount="1.50",
        tax="0",
        shipping="4.99",
    )
    order = Order.objects.get()
    assert done.url == order.get_absolute_url()
    assert (order.number, order.source, order.status) == ("M-1", "admin", "pending")
    assert (order.currency, order.total_minor) == ("usd", 1000 + 123450 - 1000 + 499)
    amounts = order.subtotal_minor, order.discount_minor, order.tax_minor, order.shipping_minor
    assert amounts == (123450 + 150, 150, 0, 499)
    assert order.customer == Customer.objects.get(email="ann@example.com", name="Ann")
    assert [
        (row.description, row.product, row.quantity, row.total_minor) for row in order.lines.all()
    ] == [
        ("A mug", None, 2, 1000),
        ("Mug", mug, 3, 123450),
        ("Voucher", None, 1, -1000),
    ]
    entry = AuditEvent.objects.get(action="order.created")
    assert (entry.actor, entry.reason, entry.target_id) == (
        operator,
        "by telephone",
        str(order.pk),
    )


@pytest.mark.parametrize(
    ("currency", "each", "minor"),
    [("JPY", "500", 1000), ("kwd", "1.230", 2460), ("ISK", "1500", 300000), ("GBP", "1.5", 300)],
)
def test_amounts_are_read_by_the_currencys_decimals(as_operator, currency, each, minor):
    send(as_operator, line(unit=each), currency=currency)
    order = Order.objects.get()
    assert (order.currency, order.total_minor) == (currency.lower(), minor)


def test_what_isnt_said_stays_unknown(as_operator):
    send(as_operator, total="12.00")
    order = Order.objects.get()
    assert order.total_minor == 1200
    amounts = order.subtotal_minor, order.discount_minor, order.tax_minor, order.shipping_minor
    assert amounts == (None, None, None, None)
    assert (order.customer, order.email, order.lines.count()) == (None, "", 0)


@pytest.mark.parametrize(
    ("lines", "values", "fields"),
    [
        ([], {}, ["total"]),
        ([], {"total": "x"}, ["total"]),
        ([], {"total": "-1"}, ["total"]),
        ([], {"total": "1.005"}, ["total"]),
        ([], {"total": "10,000,000,000,000"}, []),
        ([], {"total": "99999999999999"}, ["total"]),
        ([], {"total": "9,999,999,999,999", "currency": "KWD"}, ["total"]),
        ([line()], {"total": "9.99"}, ["total"]),
        ([line()], {"shipping": "1", "total": "10.00"}, ["total"]),
        ([line()], {"number": ""}, ["number"]),
        ([line()], {"number": "pi_3Abc"}, ["number"]),
        ([line()], {"number": "a\tb"}, ["number"]),
        ([line()], {"number": "x" * 256}, ["number"]),
        ([line()], {"currency": "dollar"}, ["currency"]),
        ([line()], {"currency": "U$"}, ["currency"]),
        ([line()], {"email": "nobody"}, ["email"]),
        ([line()], {"tax": "-1"}, ["tax"]),
        ([line()], {"discount": "1,5"}, ["discount"]),
        ([line()], {"reason": " "}, ["reason"]),
        ([line(description="")], {}, ["1.description"]),
        ([line(quantity="")], {}, ["1.quantity"]),
        ([line(quantity="0")], {}, ["1.quantity"]),
        ([line(quantity="2000000")], {}, ["1.quantity"]),
        ([line(unit="")], {}, ["1.line_total"]),
        ([line(unit="5,00")], {}, ["1.unit"]),
        ([line(line_total="9.99")], {}, ["1.line_total"]),
        ([line(line_total="10.00")], {}, []),
        ([line(), line(sku="CUP")], {}, ["2.sku"]),
        ([line(description="a\0b")], {}, ["1.description"]),
    ],
)
def test_each_mistake_is_said_at_its_field_and_makes_nothing(as_operator, lines, values, fields):
    page = send(as_operator, *lines, **values)
    if fields:
        assert list(errors(page)) == fields
        assert "No order was made" in page.content.decode()
        assert not Order.objects.exists()
        assert not AuditEvent.objects.exists()
        assert not Product.objects.exists()
    else:
        assert Order.objects.count() == 1


def test_sent_twice_it_makes_one_order(as_operator):
    send(as_operator, line())
    again = send(as_operator, line())
    assert errors(again) == {"number": ["there is an order M-1 already"]}
    assert Order.objects.count() == 1


def test_more_rows_keep_what_was_typed_and_check_nothing(as_operator):
    page = send(as_operator, line(unit="x"), more="Add rows", number="M-9", currency="")
    html = page.content.decode()
    assert page.context["form"]["number"].value() == "M-9"
    assert page.context["lines"].forms[0]["unit"].value() == "x"
    assert 'name="form-9-sku"' in html
    assert "errornote" not in html
    assert not Order.objects.exists()
    typed = {
        **data(line(), *[{}] * 6, line(description="Far below")),
        "form-TOTAL_FORMS": "10",
    }
    as_operator.post(reverse(PAGE), typed)
    assert [row.description for row in Order.objects.get().lines.all()] == ["A mug", "Far below"]


@pytest.mark.parametrize("count", ["", "x", "99999", "-1"])
def test_a_form_of_somebody_elses_making_makes_nothing(as_operator, count):
    for more in ({}, {"more": "1"}):
        page = as_operator.post(reverse(PAGE), {**data(), "form-TOTAL_FORMS": count, **more})
        assert page.status_code == 200
        assert len(page.context["lines"].forms) <= 100
    assert not Order.objects.exists()


def test_a_payment_that_has_come_already_pays_it(as_operator):
    put(intent(order="M-1"), charge())
    page = as_operator.get(send(as_operator, line()).url)
    assert "Order M-1 is made. It is paid." in page.content.decode()
    assert Order.objects.get().status == "paid"


def test_who_may_not_add_orders_doesnt(as_auditor):
    assert as_auditor.get(reverse(PAGE)).status_code == 403
    assert send(as_auditor, line()).status_code == 403
    assert not Order.objects.exists()
    listed = as_auditor.get(reverse("admin:orders_order_changelist")).content.decode()
    assert reverse(PAGE) not in listed
