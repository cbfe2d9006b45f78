"""Any history: counted bit by bit, counted anew, counted by hand, the figures are the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db import transaction as database_transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.models import WindowDay
from analyticsapp.selectors.customers import first_day
from analyticsapp.services import snapshots
from analyticsapp.services.dirty_days import guests_recognized, orders_changed
from analyticsapp.tables import TABLES
from analyticsapp.tables.sales import SALES
from analyticsapp.tables.windows import WINDOWS
from analyticsapp.tests.shop import (
    at,
    charge,
    move,
    order,
    put,
    refund,
    sales,
    transaction,
)
from orders.changes import OrderChange, Recognition
from orders.models import Customer, Order, Product
from orders.states import OrderStatus
from payments.models import Charge, Dispute
from payments.selectors import refunds_of_captured

pytestmark = pytest.mark.django_db


TIMES = st.builds(at, st.integers(1, 5), st.integers(0, 23))
MAYBE = st.none() | TIMES | TIMES
REFUND = st.tuples(st.just("refund"), st.integers(0, 1), MAYBE, MAYBE, st.integers(0, 2))
STEP = st.one_of(
    REFUND,
    st.tuples(st.just("transaction"), st.integers(1, 2), TIMES),
    st.tuples(st.just("charge"), st.integers(0, 1), MAYBE, st.integers(0, 3)),
    st.tuples(st.just("order"), TIMES, st.integers(0, 3), st.integers(0, 2)),
    st.tuples(st.just("recognize"), st.booleans()),
    st.tuples(st.just("fulfil"), TIMES),
    st.tuples(st.just("refunded"), st.booleans()),
    st.tuples(st.just("attempt"), TIMES, st.sampled_from(["failed", "pending", "succeeded"])),
    st.tuples(
        st.just("dispute"),
        st.integers(0, 1),
        st.sampled_from(["needs_response", "warning_closed", "lost"]),
    ),
)
# After each step, whether a refresh comes between it and the next one.
STEPS = st.lists(st.tuples(STEP, st.booleans()), min_size=3, max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, zone=st.sampled_from(["UTC", "America/Havana"]))
def test_rebuilt_equals_incremental_equals_counted_one_by_one(steps: list[Any], zone: str) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        snapshots.refresh()
        charge(3, at(1), id="ch_0")
        for (kind, *values), then_refresh in steps:
            take(kind, values)
            if then_refresh:
                snapshots.refresh()
        snapshots.refresh()
        incremental = every_row()
        assert sales() == counted()
        assert set(incremental[WINDOWS.name]) == counted_windows()
        assert not differing()
        for table in TABLES:
            table.model._default_manager.all().delete()
        assert bool(differing()) == any(incremental.values())
        snapshots.build_all()
        assert every_row() == incremental


def every_row() -> dict[str, set[Any]]:
    """All rows of all tables, but for when they were counted."""
    return {
        table.name: set(table.model._default_manager.values_list(*table.columns, *table.measures))
        for table in TABLES
    }


def differing() -> list[Any]:
    """What the tables' own comparison with the rows says, of all days around."""
    found: list[Any] = []
    days = [date(2026, 10, 30) + n * DAY for n in range(10)]
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(*table.differing(days))
            found += cursor.fetchall()
    return found


def counted() -> dict[tuple[date, str], dict[str, int]]:
    """The same figures, counted row by row in Python."""
    days: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)

    def add(moment: datetime | None, currency: str, **numbers: int) -> None:
        if moment:
            days[day_of(moment), currency].update(numbers)

    for row in Charge.objects.exclude(captured_at=None):
        add(row.captured_at, row.currency, gross_minor=row.amount_captured, payments=1)
    for gone in refunds_of_captured():
        add(gone.counted_at, gone.currency, refunds_minor=gone.amount, refunds=1)
        add(gone.returned_at, gone.currency, refunds_minor=-gone.amount, refunds=-1)
    for paid in Order.objects.all():
        add(
            paid.paid_at,
            paid.currency,
            orders=1,
            order_value_minor=paid.captured_minor,
            refunded_orders=int(paid.refunded_minor > 0),
            units=sum(line.quantity for line in paid.lines.all()),
            tax_minor=paid.tax_minor or 0,
            tax_unknown=int(paid.tax_minor is None),
            discounts_unknown=1,
            shipping_unknown=1,
        )
        if paid.fulfilled_at and paid.paid_at:
            taken = paid.fulfilled_at - paid.paid_at
            add(
                paid.fulfilled_at,
                paid.currency,
                fulfilled=1,
                fulfilment_seconds=int(taken.total_seconds()),
            )
    for tried in Charge.objects.all():
        failed = tried.status == "failed" and tried.captured_at is None
        add(tried.created, tried.currency, attempts=1, failures=int(failed))
        if Dispute.objects.filter(
            charge_id=tried.pk, status__in=["needs_response", "lost"]
        ).exists():
            add(
                tried.captured_at,
                tried.currency,
                disputed=1,
                disputed_minor=tried.amount_captured,
            )
    return {
        key: {name: day[name] for name in SALES.measures}
        | {"net_sales_minor": day["gross_minor"] - day["refunds_minor"]}
        for key, day in days.items()
    }


def take(kind: str, values: list[Any]) -> None:
    """One step of a history. Objects change in any direction: what counts is the state reached."""
    if kind == "charge":
        n, captured_at, captured = values
        charge(3, captured_at, id=f"ch_{n}", amount_captured=captured if captured_at else 0)
    elif kind == "refund":
        n, succeeded_at, failed_at, moved = values
        refund(
            Charge(id=f"ch_{n}", currency="eur"),
            2,
            succeeded_at,
            id=f"re_{n}",
            failed_at=failed_at,
            balance_transaction_id=f"txn_{moved}" if moved else None,
            failure_balance_transaction_id="txn_2" if failed_at and moved == 1 else None,
        )
    elif kind == "transaction":
        transaction(f"txn_{values[0]}", values[1])
    elif kind == "order":
        buy(*values)
    elif kind == "recognize":
        recognize(*values)
    elif kind == "fulfil":
        waiting = Order.objects.filter(status=OrderStatus.PAID).order_by("pk").first()
        if waiting:
            move(waiting, OrderStatus.FULFILLED, values[0])
    elif kind == "refunded":
        change_last_order(refunded_minor=int(values[0]))
    elif kind == "attempt":
        when, status = values
        charge(3, None, id="ch_tried", created=when, status=status)
    elif kind == "dispute":
        n, status = values
        put(Dispute, f"dp_{n}", charge_id=f"ch_{n}", amount=1, currency="eur", status=status)


def people() -> list[Customer | None]:
    """Nobody, one of Stripe's customers, and a guest."""
    known, _ = Customer.objects.get_or_create(
        stripe_customer_id="cus_1", defaults={"email": "a@b.example", "created_at": at(1)}
    )
    guest, _ = Customer.objects.get_or_create(
        stripe_customer=None, email="a@b.example", defaults={"created_at": at(1)}
    )
    return [None, known, guest]


def recognize(yes: bool) -> None:
    """The guest turns out to be the customer, or not to be."""
    _, known, guest = people()
    assert known
    assert guest
    before, guest.same_as = guest.same_as_id, known if yes else None
    guest.save()
    guests_recognized([Recognition(guest.pk, before, guest.same_as_id)])


def counted_windows() -> set[tuple[date, str, str, int, int]]:
    """The customers of every window, counted one by one in Python."""
    bought = sorted(
        (paid.paid_at, paid.pk, paid.currency, paid.customer.same_as_id or paid.customer.pk)
        for paid in Order.objects.exclude(customer=None).select_related("customer")
        if paid.paid_at and paid.customer
    )
    first: dict[int, tuple[date, str]] = {}
    for moment, _, currency, buyer in bought:
        first.setdefault(buyer, (day_of(moment), currency))
    found: set[tuple[date, str, str, int, int]] = set()
    for last in (date(2026, 10, 31) + n * DAY for n in range(100)):
        for span in WindowDay.Span:
            for currency in {currency for _, _, currency, _ in bought}:
                window = Window(first_day(span, last), last)
                buyers = {b for m, _, c, b in bought if c == currency and day_of(m) in window}
                new = {b for b in buyers if first[b][1] == currency and first[b][0] in window}
                if buyers and last <= day_of(timezone.now()):
                    found.add((last, currency, span, len(new), len(buyers - new)))
    return found


def buy(paid_at: datetime, captured: int, buyer: int) -> None:
    """An order with a line of a product and one of none, its tax known if it is odd."""
    mug, _ = Product.objects.get_or_create(sku="MUG", defaults={"created_at": at(1)})
    row = order(
        paid_at, captured, customer=people()[buyer], tax_minor=captured if captured % 2 else None
    )
    for position, product in enumerate([mug, None], 1):
        row.lines.create(
            position=position, product=product, quantity=position, total_minor=captured
        )
    change_last_order(stock_settled=True)


def change_last_order(**values: Any) -> None:
    """Change the newest order as a service does, telling of it."""
    before = Order.objects.order_by("pk").last()
    if before is None or before.captured_minor < values.get("refunded_minor", 0):
        return
    after = copy(before)
    for name, value in values.items():
        setattr(after, name, value)
    after.save()
    orders_changed([OrderChange(before, after)])


@contextmanager
def thrown_away() -> Iterator[None]:
    """Examples share the test's transaction: each one's rows go again."""
    with database_transaction.atomic():
        yield
        database_transaction.set_rollback(True)
