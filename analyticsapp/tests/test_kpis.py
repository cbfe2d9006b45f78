"""The registry of KPIs: each is defined, and computed as it is defined."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.kpi_document import document, path
from analyticsapp.kpis import ALL, KPIS, Totals, average
from analyticsapp.kpis import TOTALS as TOTAL_NAMES
from analyticsapp.tables.sales import SALES

TOTALS = Totals(
    gross_minor=10_000,
    payments=3,
    refunds_minor=2_500,
    refunds=1,
    orders=2,
    order_value_minor=9_001,
    refunded_orders=1,
    tax_minor=190,
    tax_unknown=1,
    discounts_unknown=2,
    units=7,
    attempts=8,
    failures=2,
    disputed=1,
    fulfilled=2,
    fulfilment_seconds=5_400,
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
        ("tax", 190),
        ("discounts", None),
        ("units", 7),
        ("refund_rate_orders", Fraction(1, 2)),
        ("refund_rate_value", Fraction(1, 4)),
        ("payment_success_rate", Fraction(3, 4)),
        ("time_to_fulfil", Fraction(2_700)),
        ("dispute_rate", Fraction(1, 3)),
    ],
)
def test_what_each_kpi_is(key: str, value: int | Fraction | None) -> None:
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
        ("dispute_rate", Fraction(1, 3), "eur", "33.3%"),
        ("refund_rate_value", Fraction(-1, 8), "eur", "−12.5%"),
        ("time_to_fulfil", Fraction(5_400), "eur", "1.5 h"),
    ],
)
def test_figures_are_written_exactly(
    key: str, value: int | Fraction, currency: str, text: str
) -> None:
    assert KPIS[key].number(value, currency) == text


@given(st.lists(st.tuples(*[st.integers(-(10**12), 10**12)] * len(fields(Totals))), max_size=5))
def test_totals_add_up_field_by_field(rows: list[tuple[int, ...]]) -> None:
    total = Totals.sum(Totals(*row) for row in rows)
    assert total == Totals(*(sum(column) for column in zip(*rows, strict=True)))


def test_what_no_order_knows_is_unknown_and_not_nothing() -> None:
    tax = KPIS["tax"]
    assert (tax.compute(TOTALS), tax.unknown(TOTALS)) == (190, 1)
    assert tax.compute(replace(TOTALS, tax_unknown=2)) is None


def test_the_document_is_what_the_registry_says() -> None:
    assert path().read_text(encoding="utf-8") == document()


def test_totals_are_what_the_snapshots_hold() -> None:
    assert SALES.measures == TOTAL_NAMES
