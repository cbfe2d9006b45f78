"""The rows behind each figure: all of them add up to it exactly, over any days of any history."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.drilldown import DRILLDOWNS
from analyticsapp.drilldown.rows import Cursor, Page, Part, Row, page, total
from analyticsapp.kpis import COMMERCIAL, CUSTOMERS, Kpi
from analyticsapp.selectors.customers import span_of
from analyticsapp.services import snapshots
from analyticsapp.tests.history import END, History
from analyticsapp.tests.shop import at, charge, order, refund
from analyticsapp.tests.test_snapshot_history import STEPS, take, thrown_away

pytestmark = pytest.mark.django_db
NOVEMBER = Window(date(2026, 11, 1), date(2026, 11, 30))


def rows(part: Part, window: Window, currency: str = "eur", limit: int = 1_000) -> list[Row]:
    return page(part, window, currency, limit=limit).rows


def test_every_commercial_figure_has_its_rows() -> None:
    kpis: tuple[Kpi[Any], ...] = (*COMMERCIAL, *CUSTOMERS)
    for kpi in kpis:
        assert DRILLDOWNS[kpi.key].kpi is kpi


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=STEPS,
    zone=st.sampled_from(["UTC", "America/Havana", "Pacific/Auckland"]),
    window=st.just(NOVEMBER)
    | st.builds(
        lambda first, long: Window(first, first + (long - 1) * DAY),
        st.dates(date(2026, 10, 30), date(2026, 11, 6)),
        st.integers(1, 9),
    ),
)
def test_the_rows_of_any_days_add_up_to_the_figure(
    steps: list[Any], zone: str, window: Window
) -> None:
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        charge(3, at(1), id="ch_0")
        charge(5, at(2), id="ch_1")
        for (kind, *values), _ in steps:
            take(kind, values)
        snapshots.refresh(at(30, 23))
        rows_add_up(window, "eur")


def test_the_rows_of_any_days_of_a_long_history_add_up_to_the_figure(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    History(seed=5, purchases=300)
    snapshots.build_all(now=END)
    for window in (
        Window(date(2027, 10, 1), date(2027, 12, 31)),
        Window(date(2028, 2, 29), date(2028, 2, 29)),
        Window(date(2027, 3, 28), date(2027, 3, 28)),
        Window(date(2028, 3, 1), date(2028, 3, 30)),
        Window(date(2027, 8, 12), date(2027, 11, 1)),
    ):
        for currency in ("eur", "usd", "jpy"):
            rows_add_up(window, currency)


def rows_add_up(window: Window, currency: str) -> None:
    """The rows behind each figure add up to its sums, and those to the figure."""
    for drilldown in DRILLDOWNS.values():
        sums = [total(part, window, currency) for part in drilldown.parts]
        counted = drilldown.additive or span_of(window)
        expected = drilldown.value(sums, window) if counted else None
        assert drilldown.figure(window, currency) == expected, (drilldown.kpi.key, window)
        for part, summed in zip(drilldown.parts, sums, strict=True):
            found = rows(part, window, currency)
            assert len(found) == summed.rows
            assert sum(row.amount for row in found) == summed.amount
            assert all(day_of(row.at) in window for row in found)


def test_a_refund_that_failed_is_two_rows_and_comes_back_on_its_own_day() -> None:
    paid = charge(1_000, at(1))
    refund(paid, 400, at(3), failed_at=at(9), id="re_x")
    snapshots.refresh()
    part = DRILLDOWNS["refunds"].parts[0]
    assert [(row.at, row.kind, row.amount) for row in rows(part, NOVEMBER)] == [
        (at(9), "failed refund", -400),
        (at(3), "refund", 400),
    ]
    assert total(part, Window(date(2026, 11, 1), date(2026, 11, 8)), "eur").amount == 400
    net = DRILLDOWNS["net_sales"].parts[0]
    assert [row.amount for row in rows(net, NOVEMBER)] == [400, -400, 1_000]


def test_one_pages_through_all_rows_once_also_where_they_are_of_one_moment() -> None:
    for n in range(7):
        charge(n + 1, at(5), id=f"ch_{n}")
    charge(100, at(6), id="ch_new")
    charge(200, at(4), id="ch_old")
    part = DRILLDOWNS["gross_captured"].parts[0]
    everything = [row.key for row in rows(part, NOVEMBER)]
    assert everything == ["ch_new", *(f"ch_{n}" for n in range(6, -1, -1)), "ch_old"]

    def place(row: Row) -> Cursor:
        return Cursor(row.at, row.key)

    pages: list[Page] = [page(part, NOVEMBER, "eur", limit=2)]
    while pages[-1].older:
        last = place(pages[-1].rows[-1])
        pages.append(page(part, NOVEMBER, "eur", older_than=last, limit=2))
    assert [row.key for found in pages for row in found.rows] == everything
    assert [found.newer for found in pages] == [False, True, True, True, True]
    back = [pages[-1]]
    while back[-1].newer:
        first = place(back[-1].rows[0])
        back.append(page(part, NOVEMBER, "eur", newer_than=first, limit=2))
    assert [row.key for found in reversed(back) for row in found.rows] == everything


BIG = "orders_order|orders_orderline|payments_charge|payments_refund|payments_balancetransaction"


def test_rows_and_sums_are_found_through_indexes() -> None:
    """Where sequential scans are out, none of a big table is left: an index leads to its rows."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(f"EXPLAIN {sql}", params, many, context)
        plans.append("\n".join(line for (line,) in context["cursor"].fetchall()))
        execute(sql, params, many, context)
        return result

    History(seed=1, purchases=30)
    place = Cursor(at(3, month=10, year=2027), "x")
    window = Window(date(2027, 9, 1), date(2027, 11, 30))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with connection.execute_wrapper(explain):
        for drilldown in DRILLDOWNS.values():
            for part in drilldown.parts:
                total(part, window, "eur")
                page(part, window, "eur", older_than=place)
                page(part, window, "eur", newer_than=place)
    assert plans
    for plan in plans:
        assert not re.search(rf"Seq Scan on ({BIG})\b", plan), plan


def test_an_order_that_does_not_know_its_tax_is_no_row_of_it() -> None:
    order(at(2), 100, tax_minor=0)
    order(at(2), 100)
    snapshots.refresh()
    tax = DRILLDOWNS["tax"]
    assert len(rows(tax.parts[0], NOVEMBER)) == 1
    assert tax.figure(NOVEMBER, "eur") == 0
    assert tax.figure(NOVEMBER, "usd") is None
    assert tax.value([total(tax.parts[0], NOVEMBER, "usd")], NOVEMBER) is None
