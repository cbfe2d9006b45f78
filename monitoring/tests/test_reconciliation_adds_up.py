"""Whatever the rows are, residuals add up to the differences, and their rows to them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.models import DaySnapshot, DirtyDay, SettlementDay, SnapshotState
from monitoring.reconciliation.period import Period
from monitoring.reconciliation.residuals import (
    BALANCE,
    ORDERS,
    ORDERS_SNAPSHOT,
    PAYMENTS,
    SALES_SNAPSHOT,
    SETTLEMENT_SNAPSHOT,
    STEPS,
    Figure,
)
from monitoring.reconciliation.selectors import Reconciliation, reconcile, residual_rows
from orders.models import Order, OrderPayment
from payments.models import BalanceTransaction, Charge, InvoicePayment, Refund
from payments.selectors import refunds_of_captured

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 27, tzinfo=UTC)  # around the day on which Europe's clocks go forward
FIRST, LAST = date(2026, 3, 28), date(2026, 3, 30)

times = st.builds(lambda n: START + timedelta(hours=n), st.integers(0, 120))
maybe_times = st.none() | times | times
currencies = st.sampled_from(["eur", "eur", "usd"])
amounts = st.sampled_from([0, 1, 100, 100, 100, 250])
transaction_ids = st.none() | st.sampled_from(["txn_0", "txn_1", "txn_2", "txn_3", "txn_gone"])
CATEGORIES = (
    "charge charge refund refund_failure partial_capture_reversal fee payout dispute "
    "charge_failure other_adjustment moon_tax"
)
categories = st.sampled_from(CATEGORIES.split())
sources = st.sampled_from(["", "ch_0", "ch_1", "ch_2", "re_0", "re_1", "re_2", "du_1"])
keys = st.integers(0, 2)

charges = st.tuples(maybe_times, currencies, amounts, transaction_ids, st.booleans(), keys)
refunds = st.tuples(
    maybe_times, maybe_times, currencies, amounts, transaction_ids, transaction_ids, keys
)
moves = st.tuples(
    times, currencies, amounts, st.sampled_from([1, -1]), amounts, categories, sources
)
orders = st.tuples(maybe_times, currencies, amounts)
links = st.dictionaries(st.sampled_from(["pi_0", "pi_1", "ch_2"]), keys)
snapshots = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(["eur", "usd"])), st.tuples(amounts, amounts)
)
kept_settlement = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(["eur", "usd"]), categories), amounts
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    charged=st.lists(charges, max_size=3),
    refunded=st.lists(refunds, max_size=3),
    moved=st.lists(moves, max_size=4),
    ordered=st.lists(orders, max_size=3),
    linked=links,
    sales=snapshots,
    settled=kept_settlement,
    dirty=st.sets(st.integers(0, 2)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"]),
    reporting=st.sampled_from(["UTC", "Europe/Berlin"]),
    part=st.integers(0, 2),  # of what is asked one by one
)
def test_residuals_add_up_in_every_cell_and_to_their_rows(
    charged: list[Any],
    refunded: list[Any],
    moved: list[Any],
    ordered: list[Any],
    linked: dict[str, int],
    sales: dict[tuple[int, str], tuple[int, int]],
    settled: dict[tuple[int, str, str], int],
    dirty: set[int],
    zone: str,
    reporting: str,
    part: int,
) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=reporting):
        store(charged, refunded, moved, ordered, linked)
        keep(sales, settled, dirty, reporting)
        period = Period(FIRST, LAST, ZoneInfo(zone))
        assert period.comparable == (zone == reporting)
        found = reconcile(period)
        assert figures(found) == counted(period)
        for cell in found.cells.values():
            for step in STEPS.values():
                if step in found.steps:
                    lines = cell.residuals(step)
                    assert cell.difference(step) == sum(line.amount for line in lines), step
                else:
                    assert not cell.residuals(step)
        named = [(c, one) for c in found.currencies for one in found.total(c).lines.values()]
        for currency, line in named[part::3]:
            rows = residual_rows(period, currency, line.residual, limit=100)
            assert (rows.count, rows.total) == (line.rows, line.amount)
            assert sum(row.amount for row in rows.rows) == line.amount
            assert all(row.amount for row in rows.rows)
        day = period.days[part]
        alone = reconcile(Period(day, day, period.zone)).cells
        assert alone == {key: cell for key, cell in found.cells.items() if key[0] == day}


def figures(found: Reconciliation) -> dict[tuple[date, str], dict[Figure, int]]:
    """The figures that aren't 0, of the cells that have any."""
    cells = {
        key: {figure: amount for figure, amount in cell.figures.items() if amount}
        for key, cell in found.cells.items()
    }
    return {key: cell for key, cell in cells.items() if cell}


def counted(period: Period) -> dict[tuple[date, str], dict[Figure, int]]:
    """The same figures, row by row in Python."""
    days: dict[tuple[date, str], Counter[Figure]] = defaultdict(Counter)

    def add(figure: Figure, moment: datetime | None, currency: str, amount: int) -> None:
        if moment:
            days[moment.astimezone(period.zone).date(), currency][figure] += amount

    for row in BalanceTransaction.objects.all():
        add(BALANCE, row.created, row.currency, row.net)
    for charge in Charge.objects.all():
        add(PAYMENTS, charge.captured_at, charge.currency, charge.amount_captured)
    for refund in refunds_of_captured():
        add(PAYMENTS, refund.counted_at, refund.currency, -refund.amount)
        add(PAYMENTS, refund.returned_at, refund.currency, refund.amount)
    for order in Order.objects.all():
        add(ORDERS, order.paid_at, order.currency, order.captured_minor)
    if period.comparable:
        for day in DaySnapshot.objects.all():
            days[day.day, day.currency][SALES_SNAPSHOT] += day.net_sales_minor
            days[day.day, day.currency][ORDERS_SNAPSHOT] += day.order_value_minor
        for kept in SettlementDay.objects.all():
            days[kept.day, kept.currency][SETTLEMENT_SNAPSHOT] += kept.net_minor
    cells = {
        key: {figure: amount for figure, amount in cell.items() if amount}
        for key, cell in days.items()
        if period.first <= key[0] <= period.last
    }
    return {key: cell for key, cell in cells.items() if cell}


def store(
    charged: list[Any],
    refunded: list[Any],
    moved: list[Any],
    ordered: list[Any],
    linked: dict[str, int],
) -> None:
    """The rows, whether they make sense together or not."""
    common: dict[str, Any] = {"livemode": False, "as_of": START}
    Charge.objects.bulk_create(
        Charge(
            id=f"ch_{n}",
            payment_intent_id=f"pi_{n}" if n < 2 else None,
            created=captured_at,
            captured_at=captured_at,
            currency=currency,
            amount=250,
            amount_captured=amount,
            status="succeeded",
            balance_transaction_id=named,
            invoice_id="in_1" if of_invoice else None,
            **common,
        )
        for n, (captured_at, currency, amount, named, of_invoice, _) in enumerate(charged)
    )
    InvoicePayment.objects.create(
        id="inpay_1", payment_intent_id="pi_1", currency="eur", status="paid", **common
    )
    Refund.objects.bulk_create(
        Refund(
            id=f"re_{n}",
            charge_id=f"ch_{of}",
            currency=currency,
            amount=amount,
            status="failed" if failed_at else "succeeded",
            succeeded_at=succeeded_at,
            failed_at=failed_at,
            balance_transaction_id=named,
            failure_balance_transaction_id=named_failure,
            **common,
        )
        for n, (succeeded_at, failed_at, currency, amount, named, named_failure, of) in enumerate(
            refunded
        )
    )
    BalanceTransaction.objects.bulk_create(
        BalanceTransaction(
            id=f"txn_{n}",
            created=created,
            available_on=created,
            currency=currency,
            amount=sign * amount,
            fee=fee,
            net=sign * amount - fee,
            type="any",
            reporting_category=category,
            source=source,
            status="available",
            **common,
        )
        for n, (created, currency, amount, sign, fee, category, source) in enumerate(moved)
    )
    made = Order.objects.bulk_create(
        Order(
            number=f"N-{n}",
            currency=currency,
            total_minor=amount,
            captured_minor=amount,
            source=Order.Source.SHOP,
            placed_at=START,
            created_at=START,
        )
        for n, (_, currency, amount) in enumerate(ordered)
    )
    for order, (paid_at, _, _) in zip(made, ordered, strict=True):
        if paid_at:
            Order.objects.filter(pk=order.pk).update(status="paid", paid_at=paid_at)
    OrderPayment.objects.bulk_create(
        OrderPayment(order=made[n], payment=payment, linked_at=START)
        for payment, n in linked.items()
        if n < len(made)
    )


def keep(
    sales: dict[tuple[int, str], tuple[int, int]],
    settled: dict[tuple[int, str, str], int],
    dirty: set[int],
    time_zone: str,
) -> None:
    """Snapshots, right or wrong."""
    DaySnapshot.objects.bulk_create(
        DaySnapshot(
            day=FIRST + timedelta(days=n),
            currency=currency,
            gross_minor=gross,
            order_value_minor=value,
            refunds_minor=0,
            payments=1,
            refunds=0,
            orders=1,
            built_at=START,
        )
        for (n, currency), (gross, value) in sales.items()
    )
    SettlementDay.objects.bulk_create(
        SettlementDay(
            day=FIRST + timedelta(days=n),
            currency=currency,
            category=category,
            transactions=1,
            amount_minor=net,
            fee_minor=0,
            net_minor=net,
            built_at=START,
        )
        for (n, currency, category), net in settled.items()
    )
    DirtyDay.objects.bulk_create(
        DirtyDay(day=FIRST + timedelta(days=n), created_at=START) for n in dirty
    )
    SnapshotState.objects.create(id=1, refreshed_at=START, time_zone=time_zone)


@contextmanager
def thrown_away() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
