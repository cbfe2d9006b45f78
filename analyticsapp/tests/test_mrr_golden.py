"""Published examples of recurring revenue and its rates, and what the conventions say."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.subscriptions.conventions import Conventions
from analyticsapp.subscriptions.lines import Coupon, monthly_lines
from analyticsapp.subscriptions.movements import arpa, lifetime_value, movements, rates

HALF = Coupon(percent_off=Fraction(50))
RULES = Conventions()


def item(
    amount: str | None, interval: str = "month", every: int = 1, **more: Any
) -> dict[str, Any]:
    return {
        "id": "si_1",
        "product": "prod_1",
        "quantity": 1,
        "unit_amount_decimal": amount,
        "currency": "usd",
        "interval": interval,
        "interval_count": every,
        "usage_type": "licensed",
        **more,
    }


def mrr(
    *items: dict[str, Any], coupons: tuple[Coupon, ...] = (), rules: Conventions = RULES
) -> int:
    return sum(line.mrr_minor for line in monthly_lines(items, coupons, rules))


def test_1200_a_year_is_100_a_month_and_with_half_off_for_ever_50() -> None:
    assert mrr(item("120000", "year")) == 10_000
    assert mrr(item("120000", "year"), coupons=(HALF,)) == 5_000


def test_100_at_100_a_month_and_50_at_600_a_year_are_12_500() -> None:
    assert 100 * mrr(item("10000")) + 50 * mrr(item("60000", "year")) == 1_250_000


def test_90_for_three_months_is_30() -> None:
    assert mrr(item("9000", "month", 3)) == 3_000


def test_120_a_year_less_a_tenth_is_9() -> None:
    assert mrr(item("12000", "year"), coupons=(Coupon(percent_off=Fraction(10)),)) == 900


def test_a_week_is_52_twelfths_and_a_day_365_twelfths() -> None:
    assert mrr(item("1200", "week")) == 5_200
    assert mrr(item("1200", "day")) == 36_500
    assert mrr(item("1200", "week", 2)) == 2_600


def test_every_item_and_its_quantity_count_each_rounded_once() -> None:
    assert mrr(item("50000", "year", quantity=4)) == 16_667
    assert mrr(item("100", "year"), item("100", "year")) == 16  # 8.33 each


def test_an_amount_off_comes_off_each_invoice_and_never_below_nothing() -> None:
    off = Coupon(amount_off=600, currency="usd")
    assert mrr(item("12000", "year"), coupons=(off,)) == 950
    assert mrr(item("1000"), item("3000"), coupons=(off,)) == 3_400
    assert mrr(item("500"), coupons=(off,)) == 0
    assert mrr(item("1000"), coupons=(Coupon(amount_off=600, currency="eur"),)) == 1_000


def test_a_coupon_that_runs_out_is_subtracted_only_where_asked() -> None:
    limited = Coupon(percent_off=Fraction(50), forever=False)
    assert mrr(item("1000"), coupons=(limited,)) == 1_000
    assert mrr(item("1000"), coupons=(limited,), rules=Conventions(limited_coupons=True)) == 500


def test_what_nobody_knows_beforehand_is_worth_nothing() -> None:
    assert mrr(item("1000", usage_type="metered")) == 0
    assert mrr(item(None)) == 0
    assert mrr(item("1000", "fortnight")) == 0


def test_start_100_churn_10_contraction_10_expansion_10() -> None:
    moved = {"churn": -1_000, "contraction": -1_000, "expansion": 1_000}
    found = rates(
        opening_minor=10_000,
        moved=moved,
        moved_of_opening=moved,
        opening_customers=10,
        lost_customers=1,
    )
    assert found.gross_mrr_churn == Fraction(20, 100)
    assert found.net_mrr_churn == Fraction(10, 100)


def test_arpa_of_100_and_churn_of_5_percent_is_a_lifetime_value_of_2000() -> None:
    assert arpa(100_000, 10) == 10_000
    assert lifetime_value(Fraction(10_000), Fraction(5, 100)) == 200_000


def test_quick_ratio_of_28_gained_and_8_lost_is_3_5() -> None:
    moved = {"new": 2_000_000, "expansion": 800_000, "churn": -500_000, "contraction": -300_000}
    found = rates(
        opening_minor=0, moved=moved, moved_of_opening={}, opening_customers=0, lost_customers=0
    )
    assert found.quick_ratio == Fraction(35, 10)


def test_10_of_70_customers_gone_are_14_29_percent() -> None:
    found = rates(
        opening_minor=1, moved={}, moved_of_opening={}, opening_customers=70, lost_customers=10
    )
    assert found.customer_churn is not None
    assert round(float(found.customer_churn) * 100, 2) == 14.29


def test_a_rate_of_nothing_is_undefined() -> None:
    found = rates(
        opening_minor=0, moved={}, moved_of_opening={}, opening_customers=0, lost_customers=0
    )
    assert (found.gross_mrr_churn, found.customer_churn, found.quick_ratio) == (None, None, None)
    assert lifetime_value(arpa(100, 0), None) is None
    assert lifetime_value(Fraction(100), Fraction(0)) is None


DAY = [date(2026, 1, n) for n in range(1, 29)]


def named(*changes: tuple[int, int]) -> list[tuple[int, str, int]]:
    return [
        (step.day.day, step.kind, step.amount_minor)
        for step in movements((DAY[day - 1], amount) for day, amount in changes)
    ]


def test_each_step_has_its_name() -> None:
    assert named((1, 16_667), (5, 6_000), (9, -6_000), (20, -16_667), (25, 500)) == [
        (1, "new", 16_667),
        (5, "expansion", 6_000),
        (9, "contraction", -6_000),
        (20, "churn", -16_667),
        (25, "reactivation", 500),
    ]


def test_moving_to_another_subscription_within_a_day_is_no_churn() -> None:
    assert named((1, 1_000), (3, -1_000), (3, 1_500)) == [(1, "new", 1_000), (3, "expansion", 500)]
    assert named((1, 1_000), (3, -1_000), (3, 1_000)) == [(1, "new", 1_000)]


@given(st.lists(st.tuples(st.integers(1, 28), st.integers(0, 5_000)), max_size=12))
def test_movements_always_add_up(levels: list[tuple[int, int]]) -> None:
    before, changes = 0, []
    for day, level in sorted(levels):
        changes.append((DAY[day - 1], level - before))
        before = level
    found = movements(changes)
    assert sum(step.amount_minor for step in found) == before
    assert [step.mrr_minor for step in found][-1:] == [before] * bool(found)
    assert all(
        (step.amount_minor > 0) == (step.kind in {"new", "expansion", "reactivation"})
        for step in found
    )
    assert [step.kind for step in found].count("new") == bool(found)


@pytest.mark.parametrize("known", ["statuses=['active', 'past_due']", "paused=True"])
def test_the_fingerprint_names_every_rule(known: str) -> None:
    assert known in RULES.fingerprint()
    assert RULES.fingerprint() != Conventions(paused=False).fingerprint()
