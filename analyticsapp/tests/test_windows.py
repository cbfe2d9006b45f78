"""Distinct customers of 7, 30 and 90 days, of months and of quarters."""

from __future__ import annotations

from copy import copy
from datetime import date, timedelta

import pytest
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import WindowDay
from analyticsapp.services import snapshots
from analyticsapp.services.dirty_days import orders_changed
from analyticsapp.tests.shop import at, order
from orders.changes import OrderChange
from orders.models import Customer
from orders.services.customers import recognize_guests

pytestmark = pytest.mark.django_db
Span = WindowDay.Span


@pytest.fixture
def known() -> Customer:
    return Customer.objects.create(
        stripe_customer_id="cus_1", email="a@b.example", created_at=at(1)
    )


@pytest.fixture
def guest() -> Customer:
    return Customer.objects.create(email="a@b.example", created_at=at(1))


def window(last: date, span: str = Span.DAYS_7, currency: str = "eur") -> tuple[int, int]:
    """Customers and new customers."""
    found = WindowDay.objects.filter(day=last, span=span, currency=currency).first()
    return (found.customers, found.new_customers) if found else (0, 0)


def test_who_buys_often_counts_once_and_is_new_once(known: Customer) -> None:
    for day in (1, 2, 9):
        order(at(day), 100, customer=known)
    order(at(2), 100)
    order(at(2), 100, currency="usd", customer=known)
    snapshots.refresh()
    assert [window(date(2026, 11, n)) for n in (1, 2, 8, 9, 15, 16)] == [
        (1, 1),
        (1, 1),
        (1, 0),
        (1, 0),
        (1, 0),
        (0, 0),
    ]
    assert window(date(2026, 11, 16), Span.DAYS_30) == (1, 1)
    assert window(date(2026, 11, 2), currency="usd") == (1, 0)


def test_a_month_and_a_quarter_are_counted_up_to_each_of_their_days(known: Customer) -> None:
    other = Customer.objects.create(email="b@b.example", created_at=at(1))
    order(at(31, month=1), 100, customer=known)
    order(at(1, month=2), 100, customer=known)
    order(at(28, month=2), 100, customer=known)
    order(at(31, month=3), 100, customer=other)
    snapshots.refresh()
    month, quarter = Span.MONTH, Span.QUARTER
    assert window(date(2026, 1, 30), month) == (0, 0)
    assert window(date(2026, 1, 31), month) == (1, 1)
    assert window(date(2026, 2, 1), month) == window(date(2026, 2, 28), month) == (1, 0)
    assert window(date(2026, 3, 1), month) == (0, 0)
    assert window(date(2026, 3, 31), month) == (1, 1)
    assert window(date(2026, 3, 30), quarter) == (1, 1)
    assert window(date(2026, 3, 31), quarter) == (2, 2)
    assert window(date(2026, 4, 1), quarter) == (0, 0)


def test_a_purchase_that_comes_late_takes_being_new_from_a_later_one(known: Customer) -> None:
    order(at(1, month=10), 100, customer=known)
    snapshots.refresh()
    assert window(date(2026, 10, 3)) == (1, 1)
    first = order(at(1, month=2), 100, customer=known)
    snapshots.refresh()
    assert (window(date(2026, 2, 3)), window(date(2026, 10, 3))) == ((1, 1), (1, 0))
    before = copy(first)
    first.customer = None
    first.save()
    orders_changed([OrderChange(before, first)])
    snapshots.refresh()
    assert (window(date(2026, 2, 3)), window(date(2026, 10, 3))) == ((0, 0), (1, 1))


def test_a_guest_who_turns_out_to_be_a_customer_counts_as_one(
    known: Customer, guest: Customer
) -> None:
    order(at(1, month=2), 100, customer=guest)
    order(at(1, month=10), 100, customer=known)
    order(at(2, month=10), 100, customer=guest)
    snapshots.refresh()
    assert window(date(2026, 10, 3)) == (2, 1)
    recognize_guests([guest.email])
    snapshots.refresh()
    assert window(date(2026, 10, 3)) == (1, 0)
    Customer.objects.create(stripe_customer_id="cus_2", email=guest.email, created_at=at(1))
    recognize_guests([guest.email])  # which of the two it is, nobody can tell
    snapshots.refresh()
    assert window(date(2026, 10, 3)) == (2, 1)


def test_a_day_on_which_nothing_happens_has_its_windows_too(known: Customer) -> None:
    now = timezone.now()
    order(now - timedelta(days=3), 100, customer=known)
    snapshots.refresh(now - timedelta(days=2))
    assert window(day_of(now)) == (0, 0)
    snapshots.refresh(now)
    assert window(day_of(now)) == (1, 1)


def test_a_guest_who_is_known_long_after_makes_the_customers_later_purchase_no_first_one(
    known: Customer, guest: Customer
) -> None:
    order(at(1, month=2), 100, customer=guest)
    order(at(1, month=10), 100, customer=known)
    snapshots.refresh()
    assert window(date(2026, 10, 3)) == (1, 1)

    recognize_guests([guest.email])
    snapshots.refresh()

    assert window(date(2026, 10, 3)) == (1, 0)
    assert window(date(2026, 2, 3)) == (1, 1)
