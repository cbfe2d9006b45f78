"""The figures of subscriptions: the published examples, through the registry."""

from __future__ import annotations

from fractions import Fraction

import pytest

from analyticsapp.kpis import KPIS, SUBSCRIPTIONS, Recurring
from analyticsapp.kpis.kpi import Ledger

HUNDRED = Recurring(
    opening_minor=10_000,
    mrr_minor=9_000,
    opening_customers=10,
    subscribers=9,
    churn_minor=1_000,
    contraction_minor=1_000,
    expansion_minor=1_000,
    lost_of_opening_minor=2_000,
    regained_of_opening_minor=1_000,
    lost_customers=1,
)


@pytest.mark.parametrize(
    ("key", "of", "value", "text"),
    [
        ("gross_mrr_churn", HUNDRED, Fraction(20, 100), "20.0%"),
        ("net_mrr_churn", HUNDRED, Fraction(10, 100), "10.0%"),
        ("customer_churn", HUNDRED, Fraction(10, 100), "10.0%"),
        (
            "customer_churn",
            Recurring(opening_customers=70, lost_customers=10),
            Fraction(10, 70),
            "14.3%",
        ),
        (
            "ltv",
            Recurring(mrr_minor=100_000, subscribers=10, opening_customers=20, lost_customers=1),
            Fraction(200_000),
            "2,000.00",
        ),
        (
            "quick_ratio",
            Recurring(
                new_minor=2_000_000,
                expansion_minor=800_000,
                churn_minor=500_000,
                contraction_minor=300_000,
            ),
            Fraction(35, 10),
            "3.5",
        ),
        ("arr", HUNDRED, 108_000, "1,080.00"),
        ("arpa", HUNDRED, Fraction(1_000), "10.00"),
        ("mrr_churn", HUNDRED, 1_000, "10.00"),
        ("canceled_subscriptions", Recurring(canceled=3), 3, "3"),
        ("past_due_subscriptions", Recurring(past_due=2), 2, "2"),
    ],
)
def test_published_examples(key: str, of: Recurring, value: int | Fraction, text: str) -> None:
    kpi = KPIS[key]
    assert kpi.compute(of) == value
    assert kpi.number(value, "usd") == text


def test_ten_of_seventy_are_14_29_percent() -> None:
    churn = KPIS["customer_churn"].compute(Recurring(opening_customers=70, lost_customers=10))
    assert churn is not None
    assert round(float(churn) * 100, 2) == 14.29


def test_the_churn_of_a_quarter_is_a_third_of_it_a_month() -> None:
    quarter = Recurring(
        mrr_minor=100_000,
        subscribers=10,
        opening_customers=20,
        lost_customers=3,
        months=Fraction(3),
    )
    assert KPIS["customer_churn"].compute(quarter) == Fraction(15, 100)
    assert KPIS["ltv"].compute(quarter) == 200_000


def test_of_nothing_no_figure_fails_and_rates_are_undefined() -> None:
    undefined = {kpi.key for kpi in SUBSCRIPTIONS if kpi.compute(Recurring()) is None}
    assert undefined == {
        "arpa",
        "gross_mrr_churn",
        "net_mrr_churn",
        "customer_churn",
        "quick_ratio",
        "ltv",
    }


def test_each_is_of_the_subscriptions_ledger_and_says_whose_convention_it_is() -> None:
    for kpi in SUBSCRIPTIONS:
        assert kpi.ledger is Ledger.SUBSCRIPTIONS
        assert kpi.convention
