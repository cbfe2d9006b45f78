"""The reconciliation: figures worked out by hand, its edges, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from stripe.params.reporting import _report_run_create_params as sdk

from analyticsapp.models import DaySnapshot, DirtyDay, SettlementDay, SnapshotState
from analyticsapp.services import snapshots
from monitoring.reconciliation import statements
from monitoring.reconciliation.period import Period
from monitoring.reconciliation.report import COLUMNS
from monitoring.reconciliation.residuals import (
    ALL,
    BALANCE,
    BALANCE_TO_PAYMENTS,
    BALANCE_TO_SNAPSHOT,
    BRIDGE,
    BY_CATEGORY,
    FIGURES,
    ORDERS,
    ORDERS_TO_SNAPSHOT,
    PAYMENTS,
    PAYMENTS_TO_ORDERS,
    PAYMENTS_TO_SNAPSHOT,
    RESIDUALS,
    STEPS,
    Step,
)
from monitoring.reconciliation.selectors import (
    Cell,
    Reconciliation,
    parameters,
    reconcile,
    residual_rows,
)
from monitoring.tests.ledgers import at, charge, moved, order, refund, two_days
from payments.categories import KNOWN
from payments.models import BalanceTransaction, Charge

pytestmark = pytest.mark.django_db

UTC = ZoneInfo("UTC")
THIRD, FOURTH = date(2026, 3, 3), date(2026, 3, 4)
TWO_DAYS = Period(THIRD, FOURTH, UTC)


def day(n: int, zone: str = "UTC") -> Period:
    return Period(date(2026, 3, n), date(2026, 3, n), ZoneInfo(zone))


def amounts(cell: Cell, step: Step) -> dict[str, int]:
    return {line.residual.key: line.amount for line in cell.residuals(step)}


def all_amounts(found: Reconciliation) -> dict[tuple[str, str, str], int]:
    """Every residual by day, currency and key, but those of the snapshots."""
    return {
        (f"{cell.day:%d}", cell.currency, line.residual.key): line.amount
        for cell in found.cells.values()
        for step in BRIDGE
        for line in cell.residuals(step)
    }


def test_two_days_as_worked_out_by_hand() -> None:
    two_days()
    snapshots.build_all()
    cells = reconcile(TWO_DAYS).cells
    assert list(cells) == [(THIRD, "eur"), (THIRD, "usd"), (FOURTH, "eur")]

    euros = cells[THIRD, "eur"]
    assert euros.figures[BALANCE] == -25_175
    assert (euros.captured, euros.refunded) == (26_500, 3_000)
    assert euros.figures[PAYMENTS] == 23_500
    assert euros.figures[ORDERS] == 29_500
    assert euros.difference(BALANCE_TO_PAYMENTS) == -48_675
    assert amounts(euros, BALANCE_TO_PAYMENTS) == {
        "fees": -2_475,  # 3.00, 1.00, 0.50, 4.00, 15.00, and 1.25 of its own
        "payouts": -50_000,
        "disputes": -2_500,
        "failed_payments": -800,
        "other_movements": 6_000,
        "other_currency": 10_000,
        "other_day": -5_000,
        "no_transaction": -4_000,
        "without_payment": 900,
        "amounts_differ": -100,
        "unknown_category": -700,
    }
    assert euros.difference(PAYMENTS_TO_ORDERS) == -6_000
    assert amounts(euros, PAYMENTS_TO_ORDERS) == {
        "refunds": -3_000,
        "invoice_payments": 2_000,
        "other_day": -4_000,
        "without_order": 4_000,
        "unpaid_orders": 1_000,
        "other_currency": 1_500,
        "orders_without_payment": -7_000,
        "amounts_differ": -500,
    }

    dollars = cells[THIRD, "usd"]
    assert (dollars.figures[BALANCE], dollars.figures[PAYMENTS]) == (0, 11_000)
    assert amounts(dollars, BALANCE_TO_PAYMENTS) == {"other_currency": -11_000}
    assert dollars.difference(PAYMENTS_TO_ORDERS) == 0
    assert not amounts(dollars, PAYMENTS_TO_ORDERS)

    next_day = cells[FOURTH, "eur"]
    assert amounts(next_day, BALANCE_TO_PAYMENTS) == {"fees": -200, "other_day": 5_000}
    assert next_day.figures[BALANCE] == next_day.difference(BALANCE_TO_PAYMENTS) == 4_800

    for cell in cells.values():  # the snapshots were just made
        for step in (BALANCE_TO_SNAPSHOT, PAYMENTS_TO_SNAPSHOT, ORDERS_TO_SNAPSHOT):
            assert cell.difference(step) == 0
            assert not cell.residuals(step)


def test_the_statement_leads_from_the_orders_to_the_balance() -> None:
    two_days()
    found = reconcile(TWO_DAYS)
    total = found.total("eur")
    running = 0
    for entry in total.statement(found.steps):
        if entry.figure is ORDERS:
            running = entry.amount
        elif entry.figure:
            assert entry.amount == running
        else:
            running += entry.amount
    assert running == total.figures[BALANCE] == -25_175 + 4_800


def test_settled_on_another_day_cancels_out_over_both_days() -> None:
    two_days()
    total = reconcile(TWO_DAYS).total("eur")
    line = total.lines[RESIDUALS[BALANCE_TO_PAYMENTS, "other_day"]]
    assert (line.amount, line.rows) == (0, 2)


def test_a_day_is_one_of_the_zone_that_is_asked_for(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "UTC"
    charge("1", 100, at(3, 23, 30))
    moved("1", 100, at(3, 23, 45), fee=3)
    assert set(reconcile(day(3)).cells) == {(THIRD, "eur")}
    berlin = reconcile(day(4, "Europe/Berlin"))
    assert all_amounts(berlin) == {("04", "eur", "fees"): -3, ("04", "eur", "without_order"): 100}
    assert berlin.steps == BRIDGE  # its snapshots are of other days


def test_a_day_of_23_hours_loses_none() -> None:
    berlin = Period(date(2026, 3, 28), date(2026, 3, 30), ZoneInfo("Europe/Berlin"))
    for hour in range(22, 95):  # an hour more on either side
        moved(f"{hour}", 1, at(27 + hour // 24, hour % 24), "topup")
    cells = reconcile(berlin).cells
    counts = [cells[date(2026, 3, n), "eur"].figures[BALANCE] for n in (28, 29, 30)]
    assert counts == [24, 23, 24]


def test_a_zone_that_has_the_same_days_is_comparable(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "Africa/Abidjan"  # UTC all year
    assert day(3).comparable
    settings.REPORTING_TIME_ZONE = "Europe/London"
    assert day(3).comparable
    assert not Period(THIRD, date(2026, 3, 31), UTC).comparable  # summer time has begun


def test_a_wrong_snapshot_is_a_residual_of_its_day() -> None:
    two_days()
    snapshots.build_all()
    DaySnapshot.objects.filter(day=THIRD, currency="eur").update(order_value_minor=29_400)
    SettlementDay.objects.filter(day=FOURTH).delete()
    DirtyDay.objects.create(day=FOURTH, created_at=at(5))
    found = reconcile(TWO_DAYS)
    third, fourth = found.cells[THIRD, "eur"], found.cells[FOURTH, "eur"]
    assert amounts(third, ORDERS_TO_SNAPSHOT) == {"snapshot_differs": 100}
    assert amounts(fourth, BALANCE_TO_SNAPSHOT) == {"recount_due": 4_800}
    assert not amounts(third, BALANCE_TO_SNAPSHOT)
    rows = residual_rows(
        TWO_DAYS, "eur", RESIDUALS[ORDERS_TO_SNAPSHOT, "snapshot_differs"], limit=50
    )
    assert (rows.rows[0].kind, rows.rows[0].amount) == ("sales snapshot", -29_400)
    assert {(row.kind, row.amount) for row in rows.rows[1:]} == {
        ("order", amount) for amount in (10_000, 5_000, 3_000, 7_000, 4_500)
    }
    assert (rows.count, rows.total) == (6, 100)


def test_snapshots_of_a_time_zone_that_was_set_before_wait_to_be_counted(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "UTC"
    two_days()
    snapshots.build_all()
    DaySnapshot.objects.update(gross_minor=1)
    SnapshotState.objects.update(time_zone="Europe/Berlin")
    keys = {
        line.residual.key
        for line in reconcile(TWO_DAYS).total("eur").residuals(PAYMENTS_TO_SNAPSHOT)
    }
    assert keys == {"recount_due"}


def test_a_transaction_that_only_its_source_names_settles_its_charge_or_refund() -> None:
    charge("1", 100, at(3), balance_transaction_id=None)
    moved("1", 100, at(3))
    refund("2", "1", 40, at(3), balance_transaction_id=None)
    moved("2", -40, at(3), "refund", source="re_2")
    order("A-1", 100, at(3), "1")
    assert all_amounts(reconcile(day(3))) == {("03", "eur", "refunds"): -40}


def test_a_refund_that_fails_comes_back_on_the_day_it_failed() -> None:
    charge("1", 100, at(2))
    moved("1", 100, at(2))
    refund(
        "2",
        "1",
        40,
        at(3),
        status="failed",
        failed_at=at(4),
        failure_balance_transaction_id="txn_back",
    )
    moved("2", -40, at(3), "refund", source="re_2")
    moved("back", 40, at(4), "refund_failure", source="re_2")
    assert all_amounts(reconcile(TWO_DAYS)) == {
        ("03", "eur", "refunds"): -40,
        ("04", "eur", "refunds"): 40,
    }


def test_a_partial_capture_and_what_reverses_the_rest_are_one() -> None:
    """https://docs.stripe.com/reports/reporting-categories: one transaction of the whole amount,
    and one that reverses what wasn't captured."""
    charge("1", 1_000, at(3), amount_captured=700)
    moved("1", 1_000, at(3))
    moved("2", -300, at(3), "partial_capture_reversal", source="re_2")
    refund("2", "1", 300, at(3), balance_transaction_id=None)
    order("A-1", 700, at(3), "1")
    assert all_amounts(reconcile(day(3))) == {}


def test_two_charges_that_name_one_transaction_are_shown() -> None:
    for key in ("1", "2"):
        charge(key, 100, at(3), balance_transaction_id="txn_1")
        order(f"A-{key}", 100, at(3), key)
    moved("1", 100, at(3))
    assert all_amounts(reconcile(day(3))) == {("03", "eur", "amounts_differ"): -100}
    rows = residual_rows(day(3), "eur", RESIDUALS[BALANCE_TO_PAYMENTS, "amounts_differ"], limit=50)
    assert sorted((row.kind, row.amount) for row in rows.rows) == [
        ("balance transaction", 100),
        ("charge", -100),
        ("charge", -100),
    ]


def test_the_rows_of_a_residual_come_page_by_page() -> None:
    for n in range(25):
        moved(f"{n:02}", -n - 1, at(3 + n % 2, n % 24), "payout")
    payouts = RESIDUALS[BALANCE_TO_PAYMENTS, "payouts"]
    pages = [residual_rows(TWO_DAYS, "eur", payouts, limit=10, offset=n) for n in (0, 10, 20)]
    assert {(page.count, page.total) for page in pages} == {(25, -325)}
    rows = [row for page in pages for row in page.rows]
    assert sorted(row.amount for row in rows) == list(range(-25, 0))
    assert [row.day for row in rows] == sorted(row.day for row in rows)
    assert rows[0].detail == "payout"
    assert residual_rows(TWO_DAYS, "usd", payouts, limit=10).count == 0


def test_every_category_that_stripe_lists_is_known_and_has_its_residual() -> None:
    hint = str(get_type_hints(sdk.ReportRunCreateParamsParameters)["reporting_category"])
    listed = set(hint.split("Literal[")[1].split("]")[0].replace("'", "").split(", "))
    assert len(listed) > 30
    assert listed <= KNOWN == BY_CATEGORY.keys()
    assert {(BALANCE_TO_PAYMENTS, key) for key in BY_CATEGORY.values()} <= RESIDUALS.keys()


def many(first: int, last: int) -> None:
    """Charges with their transactions, spread over the month."""
    with connection.cursor() as cursor:
        for n in (first, last):
            charge(f"{n}", n, at(1))
            moved(f"{n}", n, at(1), fee=1)
        for model in (Charge, BalanceTransaction):
            columns = [str(f.column) for f in model._meta.concrete_fields if not f.generated]
            special = {
                "id": "replace(id, '_' || %(first)s, '_' || n)",
                "balance_transaction_id": "'txn_' || n",
                "payment_intent_id": "'pi_' || n",
                "captured_at": "captured_at + mod(n, 28) * interval '1 day'",
                "created": "created + mod(n, 28) * interval '1 day'",
                "source": "'ch_' || n",
            }
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
                f"SELECT {', '.join(special.get(name, name) for name in columns)} "
                f"FROM {model._meta.db_table}, generate_series(%(first)s + 1, %(last)s - 1) AS n "
                "WHERE id IN ('ch_' || %(first)s, 'txn_' || %(first)s)",
                {"first": first, "last": last},
            )
        cursor.execute("ANALYZE payments_charge, payments_balancetransaction")


def test_the_statements_are_as_many_at_100_rows_as_at_10_000(queries: Any) -> None:
    month = Period(date(2026, 3, 1), date(2026, 3, 31), UTC)

    def cost(rows: int) -> list[int]:
        with queries() as reading:
            reconcile(month)
        with queries() as drilling:
            fees = RESIDUALS[BALANCE_TO_PAYMENTS, "fees"]
            assert residual_rows(month, "eur", fees, limit=50).count == rows
        return [len(reading), len(drilling)]

    many(1, 100)
    few = cost(100)
    many(101, 10_000)
    assert cost(10_000) == few == [1, 1]


def test_what_is_looked_up_one_by_one_has_an_index_that_serves() -> None:
    """Stripe's ids are of another collation than some columns that hold them: then none would."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {statements.sums(list(STEPS.values()))}", parameters(TWO_DAYS))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    used = set(re.findall(r"(?:using|Scan on) (\w+)[^\n]*\n\s+Index Cond", plan))
    assert used >= {"balancetransaction_source", "charge_payment"}


def test_a_year_takes_a_statement_for_31_days(queries: Any) -> None:
    with queries() as captured:
        reconcile(Period(date(2025, 1, 1), date(2025, 12, 31), UTC))
    assert len(captured) == 12


def document(lines: Iterable[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in lines]


def test_the_document_says_what_the_code_does() -> None:
    text = (settings.BASE_DIR / "docs" / "reconciliation.md").read_text()
    said = [line for line in text.splitlines() if line.startswith("| ")]
    expected = [
        *document((figure.name, figure.meaning) for figure in FIGURES),
        *document(
            (
                one.step.name if one.step in BRIDGE else "Each against its snapshot",
                one.name,
                "yes" if one.look else "",
                one.meaning,
            )
            for one in ALL
            if one.step in BRIDGE or one.step is BALANCE_TO_SNAPSHOT
        ),
        *document((f"`{name}`", meaning) for name, meaning in COLUMNS.items()),
    ]
    heads = [line for line in said if line not in expected]
    assert [line for line in said if line in expected] == expected
    assert len(heads) == 6  # three tables, each with its head and the line below it
