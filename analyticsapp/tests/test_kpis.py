"""The registry of KPIs: each is defined, and computed as it is defined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.kpis import ALL, KPIS, Totals, average

TOTALS = Totals(
    gross_minor=10_000,
    payments=3,
    refunds_minor=2_500,
    refunds=1,
    orders=2,
    order_value_minor=9_001,
)


def test_each_kpi_says_what_it_is() -> None:
    assert len(KPIS) == len(ALL) == len({kpi.name for kpi in ALL})
    for kpi in ALL:
        assert kpi.definition.endswith(".")
        assert kpi.formula
        assert kpi.edge_rules


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gross_captured", 10_000),
        ("refunds", 2_500),
        ("net_sales", 7_500),
        ("orders", 2),
        ("aov", 4_500),
    ],
)
def test_what_each_kpi_is(key: str, value: int) -> None:
    assert KPIS[key].compute(TOTALS) == value


def test_the_average_of_no_orders_is_undefined() -> None:
    assert KPIS["aov"].compute(Totals(gross_minor=5)) is None
    assert KPIS["aov"].number(None, "eur") == "–"


@pytest.mark.parametrize(
    ("total", "count", "each"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (10, 3, 3), (10**18 + 1, 2, 5 * 10**17)],
)
def test_an_average_is_rounded_half_to_even(total: int, count: int, each: int) -> None:
    assert average(total, count) == each


@pytest.mark.parametrize(
    ("key", "value", "currency", "text"),
    [
        ("net_sales", -123_456, "eur", "−1,234.56"),
        ("net_sales", 123_456, "jpy", "123,456"),
        ("net_sales", 123_456, "kwd", "123.456"),
        ("orders", 12_345, "eur", "12,345"),
        ("orders", -16, "eur", "−16"),
    ],
)
def test_figures_are_written_exactly(key: str, value: int, currency: str, text: str) -> None:
    assert KPIS[key].number(value, currency) == text


@given(st.lists(st.tuples(*[st.integers(-(10**12), 10**12)] * 6), max_size=5))
def test_totals_add_up_field_by_field(rows: list[tuple[int, ...]]) -> None:
    total = Totals.sum(Totals(*row) for row in rows)
    assert total == Totals(*(sum(column) for column in zip(*rows, strict=True)))
