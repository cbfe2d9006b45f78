"""The daily snapshots: which day a figure belongs to, and that none is missed."""

from __future__ import annotations

from copy import copy
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.models import (
    DaySnapshot,
    DirtyDay,
    FeeDay,
    ProductDay,
    SettlementDay,
    SnapshotState,
)
from analyticsapp.services import snapshots
from analyticsapp.services.dirty_days import orders_changed, payments_changed
from analyticsapp.tables import DAILY
from analyticsapp.tests.shop import (
    at,
    charge,
    figures,
    move,
    net,
    order,
    put,
    refund,
    sales,
    transaction,
)
from analyticsapp.tests.trade import Trade
from auditlog.models import AuditEvent
from config.tests.rows import build
from orders.changes import OrderChange
from orders.models import Customer, Order, OrderLine, Product
from orders.states import OrderStatus
from payments.changes import Change, Changes
from payments.models import BalanceTransaction, Charge, Refund

pytestmark = pytest.mark.django_db


def test_a_day_sums_captures_refunds_and_orders_by_currency() -> None:
    paid = charge(10_000, at(3))
    charge(2_500, at(3, 23, 59))
    charge(700, at(3), currency="jpy")
    charge(99_999, at(4, 0, 0))
    refund(paid, 1_000, at(3, 13))
    order(at(3), 10_000)
    order(at(3), 2_500)
    snapshots.refresh()
    assert figures(day="2026-11-03") == {
        (date(2026, 11, 3), "eur"): {
            "gross_minor": 12_500,
            "payments": 2,
            "refunds_minor": 1_000,
            "refunds": 1,
            "orders": 2,
            "order_value_minor": 12_500,
            "net_sales_minor": 11_500,
        },
        (date(2026, 11, 3), "jpy"): {
            "gross_minor": 700,
            "payments": 1,
            "refunds_minor": 0,
            "refunds": 0,
            "orders": 0,
            "order_value_minor": 0,
            "net_sales_minor": 700,
        },
    }
    assert not DirtyDay.objects.exists()


def test_an_order_refunded_later_counts_on_the_day_it_was_paid() -> None:
    row = order(at(3), 5_000)
    snapshots.refresh()
    before = copy(row)
    row.refunded_minor = 1
    row.save()
    orders_changed([OrderChange(before, row)])
    snapshots.refresh()
    assert sales()[date(2026, 11, 3), "eur"]["refunded_orders"] == 1


def test_lines_that_become_known_later_count_by_product() -> None:
    row = order(at(3), 5_000)
    snapshots.refresh()
    mug = Product.objects.create(sku="MUG", created_at=at(1))
    row.lines.create(position=1, product=mug, quantity=2, total_minor=4_000)
    row.lines.create(position=2, quantity=1, total_minor=1_000)
    before = copy(row)
    row.stock_settled = True
    row.save()
    orders_changed([OrderChange(before, row)])
    snapshots.refresh()
    assert sales()[date(2026, 11, 3), "eur"]["units"] == 3
    assert set(ProductDay.objects.values_list("product", "orders", "units", "sales_minor")) == {
        (mug.pk, 1, 2, 4_000),
        (None, 1, 1, 1_000),
    }


def test_the_settlement_sums_transactions_and_their_fees() -> None:
    details = [{"type": "stripe_fee", "amount": 30, "currency": "eur"}]
    settle("txn_1", "charge", 1_000, fee=50, fee_details=details)
    settle("txn_2", "charge", 500)
    settle("txn_3", "fee", -700, type="stripe_fee")
    settle("txn_4", "a category of tomorrow", 9)
    snapshots.refresh()
    assert set(
        SettlementDay.objects.values_list(
            "day", "category", "transactions", "amount_minor", "fee_minor", "net_minor"
        )
    ) == {
        (date(2026, 11, 3), "charge", 2, 1_500, 50, 1_450),
        (date(2026, 11, 3), "fee", 1, -700, 0, -700),
        (date(2026, 11, 3), "a category of tomorrow", 1, 9, 0, 9),
    }
    assert dict(FeeDay.objects.values_list("type", "amount_minor")) == {
        "stripe_fee": 730,
        "unspecified": 20,
    }


def settle(id: str, category: str, amount: int, fee: int = 0, **values: Any) -> None:
    put(
        BalanceTransaction,
        id,
        **{
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "eur",
            "type": category,
            "reporting_category": category,
            "status": "available",
            "available_on": at(3),
            "created": at(3),
            **values,
        },
    )


def test_only_the_captured_part_counts_and_an_authorisation_does_not() -> None:
    charge(10_000, at(3), amount_captured=4_000)
    charge(5_000, None)
    snapshots.refresh()
    assert net(3) == 4_000


def test_a_refund_counts_on_its_transactions_date_not_on_the_charges() -> None:
    paid = charge(5_000, at(1))
    transaction("txn_1", at(5))
    refund(paid, 2_000, at(3), balance_transaction_id="txn_1")
    snapshots.refresh()
    assert [net(1), net(5)] == [5_000, -2_000]
    assert not figures(day="2026-11-03")


@pytest.mark.parametrize("first", ["refund", "transaction"])
def test_a_refund_moves_to_its_transactions_date_whichever_comes_first(first: str) -> None:
    paid = charge(5_000, at(1))
    if first == "transaction":
        transaction("txn_1", at(5))
    row = refund(paid, 2_000, at(3), balance_transaction_id=None if first == "refund" else "txn_1")
    snapshots.refresh()
    if first == "refund":
        assert net(3) == -2_000
        put(Refund, row.id, balance_transaction_id="txn_1")
        transaction("txn_1", at(5))
        snapshots.refresh()
    assert net(5) == -2_000
    assert not figures(day="2026-11-03")


def test_a_refund_whose_time_is_corrected_leaves_its_old_day() -> None:
    row = refund(charge(5_000, at(1)), 2_000, at(3))
    snapshots.refresh()
    put(Refund, row.id, succeeded_at=at(4))
    snapshots.refresh()
    assert net(4) == -2_000
    assert not figures(day="2026-11-03")


def test_a_failed_refund_comes_back_on_the_day_it_failed() -> None:
    paid = charge(5_000, at(1))
    row = refund(paid, 2_000, at(3))
    snapshots.refresh()
    put(Refund, row.id, status="failed", failed_at=at(8))
    snapshots.refresh()
    assert [net(1), net(3), net(8)] == [5_000, -2_000, 2_000]
    transaction("txn_back", at(7))
    put(Refund, row.id, failure_balance_transaction_id="txn_back")
    snapshots.refresh()
    assert [net(3), net(7)] == [-2_000, 2_000]
    assert not figures(day="2026-11-08")


def test_money_that_was_never_captured_is_no_refund() -> None:
    released = charge(5_000, None)
    refund(released, 5_000, at(3))
    partly = charge(5_000, at(2), amount_captured=3_000)
    refund(partly, 2_000, at(3))
    snapshots.refresh()
    assert not figures(day="2026-11-03")


def test_a_refund_that_came_before_its_charge_counts_once_the_charge_is_there() -> None:
    early = Charge(id="ch_late", currency="eur")
    refund(early, 500, at(3))
    snapshots.refresh()
    assert not figures()
    charge(5_000, at(1), id="ch_late")
    snapshots.refresh()
    assert [net(1), net(3)] == [5_000, -500]


def test_a_charge_that_fails_after_its_capture_stays_counted() -> None:
    row = charge(5_000, at(1))
    put(Charge, row.id, status="failed", failure_balance_transaction_id="txn_x")
    snapshots.refresh()
    assert net(1) == 5_000


def test_a_canceled_order_that_was_paid_stays_counted_on_its_day() -> None:
    row = order(at(3), 4_000)
    snapshots.refresh()
    move(row, OrderStatus.CANCELED, at(6))
    snapshots.refresh()
    assert DaySnapshot.objects.get().orders == 1


def test_a_second_capture_for_an_order_raises_its_days_order_value() -> None:
    row = order(at(3), 4_000)
    snapshots.refresh()
    more = Order.objects.get(pk=row.pk)
    more.captured_minor = 5_000
    more.save()
    orders_changed([OrderChange(row, more)])
    snapshots.refresh()
    assert DaySnapshot.objects.get().order_value_minor == 5_000


def test_a_day_whose_rows_vanish_loses_its_snapshot() -> None:
    row = charge(5_000, at(3))
    snapshots.refresh()
    put(Charge, row.id, captured_at=at(4), created=at(4))
    snapshots.refresh()
    assert [day for day, _ in figures()] == [date(2026, 11, 4)]


def test_what_changes_no_figure_marks_no_day() -> None:
    row = charge(5_000, at(3))
    paid = order(at(3), 5_000)
    pending = order(None)
    snapshots.refresh()
    put(Charge, row.id, description="a note", status="failed")
    orders_changed([OrderChange(paid, paid), OrderChange(None, pending)])
    assert not DirtyDay.objects.exists()


def test_an_unchanged_day_is_not_written_again() -> None:
    charge(5_000, at(3))
    snapshots.refresh()
    built_at = DaySnapshot.objects.get().built_at
    snapshots.build_all()
    assert DaySnapshot.objects.get().built_at == built_at


def test_an_unchanged_row_of_no_table_is_so_much_as_locked() -> None:
    """A lock is written, too: into every row at every rebuild."""
    Trade(seed=3).save()
    buyer = Customer.objects.create(email="a@b.example", created_at=at(1))
    row = order(at(3), 500, customer=buyer)
    build(OrderLine, order=row, position=1, product=None, quantity=1, total_minor=500, taken=0)
    snapshots.build_all()
    names = [table.name for table in DAILY]

    def rows() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT '{name}' AS name, ctid::text, xmax::text FROM {name}" for name in names
                )
            )
            return sorted(cursor.fetchall())

    kept = rows()
    assert {name for name, _, _ in kept} == set(names)
    snapshots.build_all()
    assert rows() == kept


def test_marking_days_takes_two_statements_whatever_the_batch(queries: Any) -> None:
    def batch(size: int) -> Changes:
        charges = [Charge(id=f"ch_{n}", captured_at=at(1 + n % 20)) for n in range(size)]
        refunds = [Refund(id=f"re_{n}", succeeded_at=at(1 + n % 20)) for n in range(size)]
        old = [Refund(succeeded_at=at(2), balance_transaction_id=f"txn_{n}") for n in range(size)]
        return Changes(
            {
                Charge: {row.id: Change(None, row, 1) for row in charges},
                Refund: {
                    row.id: Change(before, row, 1) for before, row in zip(old, refunds, strict=True)
                },
            }
        )

    for size in (1, 300):
        with queries() as captured:
            payments_changed(batch(size))
        assert len(captured) == 2, captured.captured_queries


def test_any_set_of_days_is_counted_by_one_statement(queries: Any) -> None:
    for n in range(1, 21):
        charge(100, at(n))
    with queries() as captured:
        snapshots.build([date(2026, 11, n) for n in range(1, 21)])
    counting = [q for q in captured.captured_queries if "INSERT INTO analyticsapp_day" in q["sql"]]
    assert len(counting) == 1
    assert DaySnapshot.objects.count() == 20


@pytest.mark.parametrize("moved", [4, 8])
def test_a_day_counted_alone_holds_its_own_rows_alone(moved: int) -> None:
    paid = charge(100, at(6))
    charge(200, bounds(date(2026, 11, 6))[1])
    transaction("txn_out", at(moved))
    transaction("txn_back", at(moved))
    refund(paid, 10, at(6), balance_transaction_id="txn_out")
    refund(
        paid,
        20,
        at(1),
        failed_at=at(6),
        failure_balance_transaction_id="txn_back",
    )
    snapshots.build([date(2026, 11, 6)])
    assert net(6) == 100
    assert DaySnapshot.objects.get().refunds == 0


def test_days_between_scattered_days_are_left_alone() -> None:
    charge(100, at(5))
    snapshots.build([date(2026, 11, 3), date(2026, 11, 7)])
    assert not figures()


def test_more_days_than_one_statement_takes_are_all_counted() -> None:
    days = Window.ending(date(2026, 11, 24), 2 * snapshots.DAYS_A_STATEMENT + 1).days()
    for day in (days[0], days[snapshots.DAYS_A_STATEMENT], days[-1]):
        charge(100, bounds(day)[0])
    seen: list[tuple[int, int]] = []
    snapshots.build(days, progress=lambda done, of: seen.append((done, of)))
    assert DaySnapshot.objects.count() == 3
    assert seen == sorted(seen)
    assert seen[-1] == (201, 201)


def test_a_refresh_says_which_days_and_as_of_when() -> None:
    charge(5_000, at(3))
    charge(5_000, at(4))
    snapshots.refresh(at(10))
    charge(5_000, at(4))
    assert snapshots.refresh(at(11)) == [date(2026, 11, 4)]
    assert SnapshotState.objects.get().refreshed_at == at(11)


def test_the_command_rebuilds_what_was_tampered_with_and_is_audited(capsys: Any) -> None:
    charge(5_000, at(3))
    snapshots.refresh()
    DaySnapshot.objects.update(gross_minor=1)
    DaySnapshot.objects.create(
        day=date(2020, 1, 1),
        currency="eur",
        gross_minor=1,
        payments=1,
        refunds_minor=0,
        refunds=0,
        orders=0,
        order_value_minor=0,
        built_at=at(1),
    )
    call_command("build_snapshots", "--all")
    assert figures().keys() == {(date(2026, 11, 3), "eur")}
    assert net(3) == 5_000
    audit = AuditEvent.objects.get(action="snapshots.build")
    assert audit.actor_name == "job:build_snapshots"
    assert audit.after["first"] == "2020-01-01"
    assert "days counted" in capsys.readouterr().out


def test_the_command_counts_the_last_days_alone() -> None:
    today = day_of(timezone.now())
    charge(100, bounds(today)[0])
    charge(200, bounds(today - 2 * DAY)[0])
    call_command("build_snapshots", "--days", "2")
    assert [day for day, _ in figures()] == [today]


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "99999999"]])
def test_the_command_refuses_a_senseless_number_of_days(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="--days takes"):
        call_command("build_snapshots", *arguments)
