"""What pages show of some days, held against the same counted a second way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from django.http import QueryDict

from analyticsapp.kpis import CUSTOMERS, PRODUCTS, SETTLEMENT
from analyticsapp.periods import Period, period_of
from analyticsapp.selectors import executive
from analyticsapp.selectors.products import sold_products
from analyticsapp.selectors.settlement import settled
from analyticsapp.tests.counted_figures import Rows, Sales, Settlement

PRESETS = ["days=7", "days=30", "days=90"]


def ranges(seed: str, begin: date, days: int, number: int = 8) -> list[str]:
    """Any ranges within so many days, as addresses name them."""
    chance, found = Random(seed), []
    for _ in range(number):
        first, last = sorted(begin + timedelta(chance.randrange(days)) for _ in "ab")
        found.append(f"from={first}&to={last}")
    return found


def assert_figures_are_what_the_rows_come_to(
    rows: Rows, query: str, currency: str, now: datetime
) -> None:
    """Every figure of sales, products and settlement, of the days that ``query`` names and of those
    that they are compared with."""
    period = period_of(QueryDict(query), now)
    windows = (period, period.before(), period.year_before())
    where = f"{query} in {currency}"
    sales = [Sales(rows, one.first, one.last, currency) for one in windows]
    assert_sales(period, [one.figures() for one in sales], currency, now)
    assert_products(period, [one.products() for one in sales], currency)
    for window, found in zip(windows, settled(windows, currency), strict=True):
        figures = {kpi.key: kpi.compute(found) for kpi in SETTLEMENT}
        expected = Settlement(rows, window.first, window.last, currency).figures()
        assert figures == expected, (where, window)
        assert sum(found.fees.values()) == expected["fees"], (where, window)


def assert_sales(
    period: Period, expected: list[dict[str, Any]], currency: str, now: datetime
) -> None:
    board = executive.board(period, currency, now)
    assert board
    assert board.currency == currency
    shown = {one.kpi.key: one for one in (*board.figures, *board.more)}
    picks: tuple[Callable[[Any], Any], ...] = (
        lambda one: one.value,
        lambda one: one.change and one.change.before,
        lambda one: one.year_change and one.year_change.before,
    )
    windows = (period, board.before, board.year_before)
    for window, pick, by_hand in zip(windows, picks, expected, strict=True):
        if window is not period and window.first < board.first_day:
            assert not any(pick(one) for one in shown.values())
            continue
        assert set(by_hand) == set(shown)
        for key, figure in shown.items():
            value, told = pick(figure), (key, str(window), currency)
            if figure.kpi in CUSTOMERS and not counted(window.first, window.last):
                assert value is None, told
            elif window is period or figure.value is not None:
                assert value == by_hand[key], told


def counted(first: date, last: date) -> bool:
    """Whether distinct customers are counted for these days."""
    days = (last - first).days + 1
    of_month = first == last.replace(day=1)
    of_quarter = (
        first.day == 1
        and first.month % 3 == 1
        and (last.year, last.month) in {(first.year, first.month + n) for n in range(3)}
    )
    return days in {7, 30, 90} or of_month or of_quarter


def assert_products(period: Period, expected: list[dict[Any, Any]], currency: str) -> None:
    found = sold_products(period, currency, limit=1_000)
    assert {one.product_id for one in found.rows} == {key for one in expected for key in one}
    for row in found.rows:
        parts = (row.now, row.before, row.year_before)
        for sold, by_hand in zip(parts, expected, strict=True):
            whole = sum(one["product_sales"] for one in by_hand.values())
            nothing = {
                "product_units": 0,
                "product_orders": 0,
                "product_sales": 0,
                "product_share": Fraction(0) if whole else None,
                "days_of_stock": None,
            }
            assert {kpi.key: kpi.compute(sold) for kpi in PRODUCTS} == by_hand.get(
                row.product_id, nothing
            ), (row.name, str(period), currency)
