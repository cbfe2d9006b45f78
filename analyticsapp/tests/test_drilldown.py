"""The rows behind each figure: all of them add up to it exactly, over any days of any history."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.drilldown import DRILLDOWNS
from analyticsapp.drilldown.rows import Cursor, Page, Part, Row, page, total
from analyticsapp.kpis import COMMERCIAL, CUSTOMERS, Kpi
from analyticsapp.selectors.customers import span_of
from analyticsapp.services import snapshots
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
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
        for drilldown in DRILLDOWNS.values():
            sums = [total(part, window, "eur") for part in drilldown.parts]
            counted = drilldown.additive or span_of(window)
            expected = drilldown.value(sums) if counted else None
            assert drilldown.figure(window, "eur") == expected, drilldown.kpi.key
            for part, summed in zip(drilldown.parts, sums, strict=True):
                found = rows(part, window)
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


def test_an_order_that_does_not_know_its_tax_is_no_row_of_it() -> None:
    order(at(2), 100, tax_minor=0)
    order(at(2), 100)
    snapshots.refresh()
    tax = DRILLDOWNS["tax"]
    assert len(rows(tax.parts[0], NOVEMBER)) == 1
    assert tax.figure(NOVEMBER, "eur") == 0
    assert tax.figure(NOVEMBER, "usd") is None
    assert tax.value([total(tax.parts[0], NOVEMBER, "usd")]) is None
