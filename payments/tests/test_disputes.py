"""Disputes in the admin: what is due when, and what moved."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.tests.rows import build
from orders.models import Order, OrderPayment
from payments.admin.disputes import time_left
from payments.models import BalanceTransaction, Charge, Dispute, PaymentIntent, Refund
from payments.selectors import disputes_to_answer, overdue_disputes

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DAY = timedelta(days=1)
LIST = reverse("admin:payments_dispute_changelist")


def dispute(
    key: str, status: str = "needs_response", due: float | None = 3, **values: Any
) -> Dispute:
    """A dispute whose answer is due so many days from now."""
    return build(
        Dispute,
        **{
            "id": f"dp_{key}",
            "status": status,
            "due_by": None if due is None else NOW + due * DAY,
            "charge_id": f"ch_{key}",
            "amount": 123_456,
            "currency": "usd",
            "reason": "fraudulent",
            "created": NOW - 5 * DAY,
            **values,
        },
    )


@pytest.fixture
def reader(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


def listed(client: Client, **query: str) -> list[str]:
    return [row.pk for row in client.get(LIST, query).context["cl"].result_list]


def words(client: Client, url: str, **query: str) -> str:
    """The page as a person reads it."""
    text = client.get(url, query).content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", text)))


def page(client: Client, key: str = "1") -> str:
    return words(client, reverse("admin:payments_dispute_change", args=[f"dp_5F{key}"]))


@pytest.fixture
def several() -> None:
    dispute("later", due=9)
    dispute("soon", "warning_needs_response", due=1)
    dispute("late", "appeal_needs_response", due=-2)
    dispute("undated", due=None)
    dispute("answered", "under_review", due=2)
    dispute("won", "won", due=-30)
    dispute("new_word", "a_status_of_tomorrow", due=4)


def test_those_that_need_an_answer_are_listed_by_due_date(reader, several):
    assert listed(reader, answer="needed") == ["dp_late", "dp_soon", "dp_later", "dp_undated"]
    assert [row.pk for row in disputes_to_answer()] == listed(reader, answer="needed")


def test_the_other_filters(reader, several):
    assert listed(reader, answer="overdue") == ["dp_late"]
    assert [row.pk for row in overdue_disputes(NOW)] == ["dp_late"]
    assert listed(reader, answer="review") == ["dp_answered"]
    assert listed(reader, answer="closed") == ["dp_won"]
    assert len(listed(reader)) == 7  # one whose status we don't know is among all of them


def test_the_list_says_how_long_there_is_and_what_is_overdue_in_words(reader, several):
    text = words(reader, LIST, answer="needed")
    assert f"overdue by 2 days {NOW - 2 * DAY:%Y-%m-%d %H:%M} UTC" in text
    assert f"1 week, 1 day left {NOW + 9 * DAY:%Y-%m-%d %H:%M} UTC" in text
    assert "warning needs response" in text
    assert "no date given" in text
    assert "1,234.56 USD" in text
    assert "fraudulent" in text


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (2.5, "2 days, 12 hours left"),
        (1 / 24, "1 hour left"),
        (0, "0 minutes left"),
        (-1 / 24, "overdue by 1 hour"),
        (None, "no date given"),
    ],
)
def test_time_left(days, said):
    due = None if days is None else NOW + days * DAY
    assert time_left(due, NOW).replace("\xa0", " ") == said


def test_the_list_leads_to_stripe_where_a_dispute_is_answered(reader):
    dispute("1", livemode=True)
    text = reader.get(LIST).content.decode()
    assert 'href="https://dashboard.stripe.com/disputes/dp_1" rel="noopener' in text
    assert ">answer</a>" in text


def order_of(payment: str) -> Order:
    order = build(Order, number="A-1001", total_minor=5_000)
    build(OrderPayment, order=order, payment=payment)
    return order


@pytest.mark.parametrize("known_by", ["intent", "charge", "charge alone"])
def test_a_dispute_leads_to_its_order(reader, known_by):
    """By its intent, by its charge's where an old version named none, by a charge without one."""
    intent = None if known_by == "charge alone" else "pi_1"
    order = order_of(intent or "ch_1")
    if known_by != "intent":
        build(Charge, id="ch_1", payment_intent_id=intent)
    dispute("1", payment_intent_id="pi_1" if known_by == "intent" else None)
    link = f'<a href="{order.get_absolute_url()}">A-1001</a>'
    for url in (LIST, reverse("admin:payments_dispute_change", args=["dp_5F1"])):
        assert link in reader.get(url).content.decode()


@pytest.mark.parametrize("model", [PaymentIntent, Charge, Refund])
def test_the_other_objects_of_a_payment_lead_to_it_too(reader, model):
    order_of("pi_1")
    build(PaymentIntent, id="pi_1")
    build(Charge, id="ch_1", payment_intent_id="pi_1")
    build(Refund, id="re_1", charge_id="ch_1")
    url = reverse(f"admin:payments_{model.__name__.lower()}_changelist")
    assert ">A-1001</a>" in reader.get(url).content.decode()


def test_who_may_not_see_orders_sees_none_beside_disputes(client):
    order_of("pi_1")
    dispute("1", payment_intent_id="pi_1")
    somebody = User.objects.create_user("sam", is_staff=True)
    somebody.user_permissions.add(Permission.objects.get(codename="view_dispute"))
    client.force_login(somebody)
    text = client.get(LIST).content.decode()
    assert ">dp_1</a>" in text
    assert "A-1001" not in text


def test_a_dispute_of_no_order_says_so(reader):
    dispute("1")
    assert ">A-1001</a>" not in reader.get(LIST).content.decode()


def test_many_disputes_cost_as_many_statements_as_one(reader, queries):
    def asked() -> int:
        with queries() as asked:
            reader.get(LIST, {"answer": "needed"})
        return len(asked)

    order_of("pi_1")
    dispute("1", payment_intent_id="pi_1")
    reader.get(LIST)
    before = asked()
    for n in range(2, 30):
        dispute(str(n), payment_intent_id="pi_1")
    assert asked() == before


def transaction(key: str, amount: int, fee: int, category: str, day: int) -> None:
    build(
        BalanceTransaction,
        id=key,
        source="dp_1",
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency="eur",
        reporting_category=category,
        created=NOW.replace(hour=9, minute=0, second=0) + day * DAY,
    )


def test_a_dispute_shows_what_moved_each_on_its_own_date(reader):
    transaction("txn_w", -110_000, 2_000, "dispute", -4)
    transaction("txn_r", 110_000, -2_000, "dispute_reversal", -1)
    dispute("1", "won", balance_transactions=["txn_r", "txn_w"])
    text = page(reader)
    withdrawn = (
        f"{NOW - 4 * DAY:%Y-%m-%d} 09:00:00 UTC withdrawn −1,100.00 EUR 20.00 EUR −1,120.00 EUR"
    )
    reinstated = (
        f"{NOW - DAY:%Y-%m-%d} 09:00:00 UTC reinstated 1,100.00 EUR −20.00 EUR 1,120.00 EUR"
    )
    assert withdrawn in text
    assert reinstated in text
    assert text.index(withdrawn) < text.index(reinstated)
    assert "together 0.00 EUR 0.00 EUR 0.00 EUR" in text


def test_what_hasnt_arrived_is_said_and_not_counted_as_nothing(reader):
    transaction("txn_w", -110_000, 2_000, "dispute", -4)
    dispute("1", "won", balance_transactions=["txn_r", "txn_w"])
    text = page(reader)
    assert "not received yet unknown unknown unknown txn_r" in text
    assert "together, as far as known −1,100.00 EUR 20.00 EUR −1,120.00 EUR" in text


def test_an_inquiry_has_moved_nothing(reader):
    dispute("1", "warning_needs_response")
    assert "No money has moved." in page(reader)


def test_a_closed_dispute_is_due_no_more(reader):
    dispute("1", "lost", due=-4)
    assert "overdue" not in page(reader)
