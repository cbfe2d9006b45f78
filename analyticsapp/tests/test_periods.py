"""Periods: what an address asks for, and what those days are compared with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.periods import BadPeriod, Kind, Period, asked, period_of

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def parse(query: str, now: datetime = NOW) -> Period:
    return period_of(QueryDict(query).dict(), now)


def days(period: Period) -> str:
    return f"{period.first}/{period.last}"


@pytest.mark.parametrize(
    ("query", "expected", "label"),
    [
        ("", "2026-10-26/2026-11-24", "30 days"),
        ("days=7", "2026-11-18/2026-11-24", "7 days"),
        ("days=90", "2026-08-27/2026-11-24", "90 days"),
        ("month=2026-10", "2026-10-01/2026-10-31", "October 2026"),
        ("month=2026-11", "2026-11-01/2026-11-24", "November 2026"),
        ("quarter=2026-Q3", "2026-07-01/2026-09-30", "Q3 2026"),
        ("quarter=2026-q4", "2026-10-01/2026-11-24", "Q4 2026"),
        ("from=2026-02-03&to=2026-03-04", "2026-02-03/2026-03-04", "3 Feb – 4 Mar 2026"),
        ("from=2025-12-31&to=2026-01-01", "2025-12-31/2026-01-01", "31 Dec 2025 – 1 Jan 2026"),
        ("from=2026-02-03", "2026-02-03/2026-02-03", "3 Feb 2026"),
        ("to=2026-02-03", "2026-02-03/2026-02-03", "3 Feb 2026"),
    ],
)
def test_an_address_names_days(query: str, expected: str, label: str) -> None:
    assert (days(parse(query)), parse(query).label) == (expected, label)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("days=8", "'8' is not 7, 30 or 90 days"),
        ("days=" + "9" * 5_000, "is not 7, 30 or 90 days"),
        ("days=７", "is not 7, 30 or 90 days"),
        ("month=2026-13", "'2026-13' is no month such as 2026-10"),
        ("month=\0", "is no month"),
        ("month=2026-12", "That month hasn’t begun yet"),
        ("month=1999-12", "1999 is before Stripe began"),
        ("month=0000-01", "before Stripe began"),
        ("month=9999-12", "hasn’t begun"),
        ("quarter=2026-Q5", "is no quarter such as 2026-Q3"),
        ("quarter=2027-Q1", "That quarter hasn’t begun yet"),
        ("from=2026-02-30", "'2026-02-30' is no date"),
        ("from=2026-03-02&to=2026-03-01", "the first day comes first"),
        ("from=2026-03-02&to=2026-11-25", "2026-11-25 hasn’t begun yet"),
        ("from=0001-01-01&to=2026-11-24", "0001-01-01 is before Stripe began"),
        ("from=2000-01-01&to=2026-11-24", "more than ten years"),
    ],
)
def test_senseless_periods_are_refused_with_the_reason_and_shown_as_30_days(
    query: str, why: str
) -> None:
    with pytest.raises(BadPeriod, match=why):
        parse(query)
    shown, problem = asked(QueryDict(query), NOW)
    assert (days(shown), why in problem) == (days(parse("")), True)


@pytest.mark.parametrize(
    ("query", "before", "year_before"),
    [
        ("days=30", "2026-09-26/2026-10-25", "2025-10-26/2025-11-24"),
        ("month=2026-10", "2026-09-01/2026-09-30", "2025-10-01/2025-10-31"),
        ("month=2026-03", "2026-02-01/2026-02-28", "2025-03-01/2025-03-31"),
        ("month=2026-11", "2026-10-01/2026-10-24", "2025-11-01/2025-11-24"),
        ("month=2026-01", "2025-12-01/2025-12-31", "2025-01-01/2025-01-31"),
        ("quarter=2026-Q1", "2025-10-01/2025-12-31", "2025-01-01/2025-03-31"),
        ("quarter=2026-Q4", "2026-07-01/2026-08-24", "2025-10-01/2025-11-24"),
        ("from=2026-03-05&to=2026-03-10", "2026-02-27/2026-03-04", "2025-03-05/2025-03-10"),
    ],
)
def test_a_period_is_compared_with_the_one_before_and_the_year_before(
    query: str, before: str, year_before: str
) -> None:
    assert days(parse(query).before()) == before
    assert days(parse(query).year_before()) == year_before


@pytest.mark.parametrize(
    ("query", "today", "before", "year_before"),
    [
        # A whole February for a whole February, whichever has the 29th.
        ("month=2028-02", "2028-06-01", "2028-01-01/2028-01-31", "2027-02-01/2027-02-28"),
        ("month=2029-02", "2029-06-01", "2029-01-01/2029-01-31", "2028-02-01/2028-02-29"),
        ("quarter=2028-Q1", "2028-06-01", "2027-10-01/2027-12-31", "2027-01-01/2027-03-31"),
        # So much of a month as has been is never compared with more of another.
        ("month=2028-03", "2028-03-30", "2028-02-01/2028-02-29", "2027-03-01/2027-03-30"),
        ("month=2028-02", "2028-02-28", "2028-01-01/2028-01-28", "2027-02-01/2027-02-28"),
        # The 29th's day a year before is the 28th.
        ("from=2028-02-29", "2028-06-01", "2028-02-28/2028-02-28", "2027-02-28/2027-02-28"),
        (
            "from=2028-02-29&to=2028-03-02",
            "2028-06-01",
            "2028-02-26/2028-02-28",
            "2027-02-28/2027-03-02",
        ),
        # So many days are as many a year before.
        ("days=7", "2028-03-03", "2028-02-19/2028-02-25", "2027-02-25/2027-03-03"),
    ],
)
def test_leap_days(query: str, today: str, before: str, year_before: str) -> None:
    now = datetime.fromisoformat(today).replace(hour=12, tzinfo=UTC)
    found = parse(query, now)
    assert (days(found.before()), days(found.year_before())) == (before, year_before)


def test_today_is_the_reporting_zones(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "America/Los_Angeles"
    assert parse("days=7").last == date(2026, 11, 23)
    with pytest.raises(BadPeriod, match="hasn’t begun"):
        parse("from=2026-11-24")


DAYS = st.dates(date(2000, 2, 1), date(2040, 12, 31))


@given(today=DAYS, back=st.integers(0, 800), long=st.integers(1, 400), kind=st.sampled_from(Kind))
def test_any_period_is_found_by_its_own_address_and_compared_with_earlier_days(
    today: date, back: int, long: int, kind: Kind
) -> None:
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    last = max(today - timedelta(days=back), date(2000, 2, 1))
    query = {
        Kind.DAYS: "days=30",
        Kind.MONTH: f"month={last:%Y-%m}",
        Kind.QUARTER: f"quarter={last.year}-Q{(last.month + 2) // 3}",
        Kind.RANGE: f"from={max(last - timedelta(days=long), date(2000, 1, 1))}&to={last}",
    }[kind]
    shown = parse(query, now)
    assert parse(shown.query, now) == shown
    before, year_before = shown.before(), shown.year_before()
    assert before.first <= before.last < shown.first
    assert year_before.first <= year_before.last
    assert abs((shown.last - year_before.last).days - 365) <= 1
    if kind in {Kind.DAYS, Kind.RANGE}:
        assert before.last + timedelta(days=1) == shown.first
        assert len(before) == len(shown)
    for step in (shown.earlier, shown.later):
        if step:
            assert parse(step.query, now).label == step.name


def test_one_goes_to_the_periods_around_and_to_the_usual_ones() -> None:
    october = parse("month=2026-10")
    assert october.earlier
    assert october.later
    assert (october.earlier.query, october.later.query) == ("month=2026-09", "month=2026-11")
    assert parse("month=2026-11").later is None
    week = parse("from=2026-11-10&to=2026-11-19")
    assert week.later
    assert week.later.query == "from=2026-11-20&to=2026-11-24"
    assert parse("month=2000-01").earlier is None
    named = {choice.query: choice.current for _, group in october.choices for choice in group}
    assert named == {
        "days=7": False,
        "days=30": False,
        "days=90": False,
        "month=2026-10": True,
        "month=2026-11": False,
        "quarter=2026-Q3": False,
        "quarter=2026-Q4": False,
    }


def test_the_choice_of_a_period_keeps_the_currency_and_what_else_there_is() -> None:
    page = render_to_string(
        "analytics/period.html",
        {
            "period": parse("month=2026-10"),
            "currency": "eur",
            "currencies": ["eur", "jpy"],
            "keep": {"by": "a&b"},
        },
    )
    assert 'href="?days=7&amp;currency=eur&amp;by=a%26b"' in page
    assert 'href="?month=2026-10&amp;currency=jpy&amp;by=a%26b"' in page
    assert 'href="?month=2026-10&amp;currency=eur&amp;by=a%26b" aria-current="true"' in page
    assert '<input type="hidden" name="by" value="a&amp;b">' in page
    assert 'name="to" value="2026-10-31" max="2026-11-24"' in page
