"""Any history: counted bit by bit, counted anew, counted by hand, the figures are the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest
from django.db import transaction as database_transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import day_of
from analyticsapp.kpis import TOTALS
from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import at, charge, figures, order, refund, transaction
from orders.models import Order
from payments.models import Charge
from payments.selectors import refunds_of_captured

pytestmark = pytest.mark.django_db


TIMES = st.builds(at, st.integers(1, 5), st.integers(0, 23))
MAYBE = st.none() | TIMES | TIMES
REFUND = st.tuples(st.just("refund"), st.integers(0, 1), MAYBE, MAYBE, st.integers(0, 2))
STEPS = st.lists(
    st.one_of(
        REFUND,
        st.tuples(st.just("transaction"), st.integers(1, 2), TIMES),
        st.tuples(st.just("charge"), st.integers(0, 1), MAYBE, st.integers(0, 3)),
        st.tuples(st.just("order"), TIMES, st.integers(0, 3)),
        st.tuples(st.just("refresh")),
    ),
    min_size=3,
    max_size=12,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, zone=st.sampled_from(["UTC", "America/Havana"]))
def test_rebuilt_equals_incremental_equals_counted_one_by_one(steps: list[Any], zone: str) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        snapshots.refresh()
        charge(3, at(1), id="ch_0")
        for kind, *values in steps:
            take(kind, values)
        snapshots.refresh()
        incremental = figures()
        DaySnapshot.objects.all().delete()
        snapshots.build_all()
        assert incremental == figures() == counted()


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
        add(paid.paid_at, paid.currency, orders=1, order_value_minor=paid.captured_minor)
    return {
        key: {name: day[name] for name in TOTALS}
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
        order(*values)
    else:
        snapshots.refresh()


@contextmanager
def thrown_away() -> Iterator[None]:
    """Examples share the test's transaction: each one's rows go again."""
    with database_transaction.atomic():
        yield
        database_transaction.set_rollback(True)
