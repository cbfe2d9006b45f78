"""The list of orders: what it shows, what it is narrowed to, what is pasted into its search."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.tests.rows import build
from monitoring.models import Issue
from orders.models import Order
from orders.services.handling import fulfil_order
from orders.services.tracking import Tracking
from orders.tests.conftest import MakeOrder
from orders.tests.mirror import charge, dispute, intent, put
from payments.models import Charge

pytestmark = pytest.mark.django_db
LIST = reverse("admin:orders_order_changelist")
SEARCH = reverse("admin:orders_order_search")


def listed(client: Client, **asked: Any) -> list[str]:
    return [order.number for order in client.get(LIST, asked).context["cl"].result_list]


def row_of(client: Client, number: str) -> str:
    """What the list says in the order's row."""
    html = client.get(LIST).content.decode()
    rows = (row.partition("</tr>")[0] for row in html.split("<tr>"))
    return next(row for row in rows if f">{number}</a>" in row)


@pytest.fixture
def oversold(shop_order: MakeOrder) -> Order:
    order = shop_order("OVER")
    Order.objects.filter(pk=order.pk).update(oversold=True)
    return order


@pytest.fixture
def disputed(shop_order: MakeOrder) -> Order:
    order = shop_order("DISP")
    put(
        intent("pi_d", order="DISP"),
        charge("ch_d", payment_intent_id="pi_d"),
        dispute("dp_d", charge_id="ch_d"),
    )
    return order


def an_issue(subject: str, key: object, status: str = "open") -> None:
    build(
        Issue,
        subject_type=subject,
        subject_id=str(key),
        status=status,
        check_name=f"c{subject}{key}",
        resolved_at=timezone.now() if status == "resolved" else None,
    )


def test_flags_stand_in_the_row_as_words(as_operator, oversold, disputed):
    assert "oversold" in row_of(as_operator, "OVER")
    assert "disputed" not in row_of(as_operator, "OVER")
    assert "disputed" in row_of(as_operator, "DISP")
    an_issue("orders.order", disputed.pk)
    for word in ("disputed", "mismatch"):
        assert word in row_of(as_operator, "DISP")


@pytest.mark.parametrize(
    ("status", "open_"),
    [
        ("needs_response", True),
        ("warning_under_review", True),
        ("appeal_needs_response", True),
        ("a_word_of_next_year", True),
        ("won", False),
        ("lost", False),
        ("warning_closed", False),
        ("prevented", False),
    ],
)
def test_an_order_is_disputed_until_the_dispute_is_over(as_operator, disputed, status, open_):
    put(dispute("dp_d", charge_id="ch_d", status=status))
    assert listed(as_operator, flag="disputed") == ["DISP"] * open_


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("payments.paymentintent", "pi_d"),
        ("payments.charge", "ch_d"),
        ("payments.dispute", "dp_d"),
    ],
)
def test_an_issue_about_a_payment_flags_its_order(as_operator, disputed, oversold, subject, key):
    an_issue(subject, key, "resolved")
    an_issue("orders.order", "*")  # about all of them, so about none in particular
    assert listed(as_operator, flag="mismatch") == []
    an_issue(subject, key + "x")
    Issue.objects.filter(status="resolved").update(status="open", resolved_at=None)
    assert listed(as_operator, flag="mismatch") == ["DISP"]


def test_each_flag_filters(as_operator, oversold, disputed, shop_order):
    shop_order("PLAIN")
    an_issue("orders.order", oversold.pk)
    assert listed(as_operator, flag="oversold") == ["OVER"]
    assert listed(as_operator, flag="disputed") == ["DISP"]
    assert listed(as_operator, flag="mismatch") == ["OVER"]
    assert len(listed(as_operator, flag="no such flag")) == 3


def test_what_waits_is_found_by_age_the_oldest_first(as_operator, shop_order):
    now = timezone.now()
    for days in (2, 9, 0, 5):
        order = shop_order(f"P{days}", placed_at=now - timedelta(days=days + 1))
        then = now - timedelta(days=days, minutes=1)
        put(
            intent(f"pi_{days}", order=order.number, succeeded_at=then),
            charge(f"ch_{days}", payment_intent_id=f"pi_{days}", captured_at=then),
        )
        shop_order(f"O{days}", placed_at=now - timedelta(days=days))
    assert listed(as_operator, waiting="paid-1") == ["P9", "P5", "P2"]
    assert listed(as_operator, waiting="paid-7") == ["P9"]
    assert listed(as_operator, waiting="paid-0") == ["P9", "P5", "P2", "P0"]
    assert listed(as_operator, waiting="pending-3") == ["O9", "O5"]
    assert listed(as_operator, status="paid", source="admin") == []
    assert len(listed(as_operator, waiting="paid-2")) == 8  # not an age that is offered


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=20), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=4, hours=3), "4 d"),
    ],
)
def test_the_age_of_what_waits_is_shown_with_its_exact_time(as_operator, shop_order, ago, words):
    placed_at = timezone.now() - ago
    shop_order("A-1", placed_at=placed_at)
    row = row_of(as_operator, "A-1")
    assert f">{words}</time>" in row
    assert f"since {placed_at:%Y-%m-%d %H:%M:%S} UTC" in row


def test_a_full_page_takes_as_many_statements_as_a_short_one(as_operator, disputed):
    counts = []
    for size in (1, 60):
        Order.objects.bulk_create(
            Order(
                number=f"{size}-{n}",
                source="shop",
                currency="eur",
                total_minor=n,
                email=f"{size}-{n}@example.com",
                placed_at=timezone.now(),
                created_at=timezone.now(),
            )
            for n in range(size)
        )
        with CaptureQueriesContext(connection) as queries:
            page = as_operator.get(LIST)
        counts.append(len(queries))
    assert len(page.context["cl"].result_list) == 50
    assert counts[0] == counts[1] <= 7


# Search


def search(client: Client, text: str, **more: str) -> list[str]:
    page = client.post(SEARCH, {"q": text, **more}, follow=True)
    assert page.status_code == 200
    return sorted(order.number for order in page.context["cl"].result_list)


@pytest.fixture
def two_hundred(shop_order) -> list[str]:
    shop_order("Z-1")
    numbers = [f"A-{'x' * 40}-{n}" for n in range(200)]
    for number in numbers[:3]:
        shop_order(number)
    return numbers


@pytest.mark.parametrize("between", [", ", ";", "\n", "\r\n", "\t", " "])
def test_two_hundred_numbers_are_pasted_whatever_stands_between(as_operator, two_hundred, between):
    assert search(as_operator, between.join(two_hundred)) == two_hundred[:3]


def test_a_long_search_has_a_short_address_and_is_shown_as_it_was_pasted(as_operator, two_hundred):
    text = "\n".join(two_hundred)
    page = as_operator.post(SEARCH, {"q": text, "status": "pending", "p": "2"}, follow=True)
    address = page.redirect_chain[-1][0]
    assert len(address) < 100
    assert "status=pending" in address
    assert "p=2" not in address.replace("&p=2", "p=2")
    html = page.content.decode()
    assert two_hundred[199] in html  # in the box, to be changed
    assert "for 200 terms" in html
    assert listed(as_operator, q=address.split("q=")[1].split("&")[0].replace("%3A", ":")) != []


def test_a_search_that_isnt_kept_any_more_says_so_and_finds_nothing(as_operator, two_hundred):
    page = as_operator.get(LIST, {"q": "pasted:0123456789abcdef"})
    assert "Please paste it again" in page.content.decode()
    assert list(page.context["cl"].result_list) == []


def test_more_than_two_hundred_are_refused_in_words(as_operator, two_hundred):
    page = as_operator.post(SEARCH, {"q": " ".join([*two_hundred, "Z-1"])}, follow=True)
    assert "201 terms were pasted, and a search takes 200 at once" in page.content.decode()
    assert list(page.context["cl"].result_list) == []
    # The same one twice is one.
    assert len(search(as_operator, " ".join([*two_hundred, two_hundred[0]]))) == 3


@pytest.mark.parametrize("query", ["\0", "\0\0", "A-1\0", "\0 \0"])
def test_a_search_with_a_nul_finds_none(as_operator, shop_order, query):
    shop_order("A-1")
    assert listed(as_operator, q=query) == []
    assert listed(as_operator, q=query + " A-1") == ["A-1"]
    assert search(as_operator, query) == []


def test_a_tracking_number_finds_its_order_and_none_finds_nothing(as_operator, paid, shop_order):
    shop_order("A-2")  # without a tracking number
    fulfil_order(paid.pk, reason="sent", tracking=Tracking("DHL", "JD0099"))
    assert search(as_operator, "JD0099") == ["A-1"]
    assert search(as_operator, "JD00") == []


def test_an_empty_search_lists_everything(as_operator, shop_order):
    shop_order("A-1")
    assert search(as_operator, "  ") == ["A-1"]


def test_who_may_not_look_may_not_search(client, executive, shop_order):
    client.force_login(executive)
    assert client.post(SEARCH, {"q": "A-1"}).status_code == 403


def test_charges_of_an_order_are_found_by_index(as_operator, disputed):
    """The columns on both sides have different collations: without care no index serves."""
    from orders.selectors import charges_of

    Charge.objects.bulk_create(
        [charge(f"ch_{n}", payment_intent_id=f"pi_{n}", metadata={}) for n in range(2000)]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_charge, orders_orderpayment, payments_refund")
        sql, parameters = charges_of(disputed).query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", parameters)
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "charge_payment" in plan, plan
