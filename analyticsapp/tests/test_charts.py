"""The charts: right positions and words for any values."""

from __future__ import annotations

import itertools
import re
from datetime import date
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from analyticsapp.charts import (
    BOTTOM,
    HEIGHT,
    TOP,
    Chart,
    Point,
    compact,
    date_ticks,
    nice_ticks,
    sparkline,
    trend,
)
from analyticsapp.days import DAY

TODAY = date(2026, 11, 24)
AMOUNTS = st.integers(-(10**15), 10**15)


def points(values: list[int], *, before: bool = True) -> list[Point]:
    first = TODAY - (len(values) - 1) * DAY
    return [
        Point(
            day=first + n * DAY,
            value=value,
            before=value // 2 if before else None,
            day_before=first + (n - len(values)) * DAY,
        )
        for n, value in enumerate(values)
    ]


def chart(values: list[int], currency: str = "eur") -> Chart:
    return trend("net", "Net sales", points(values), currency, today=TODAY)


def rendered(values: list[int]) -> str:
    return render_to_string("analytics/trend.html", {"chart": chart(values)})


@given(low=AMOUNTS, high=AMOUNTS, currency=st.sampled_from(["eur", "jpy", "kwd"]))
def test_ticks_are_few_even_and_hold_every_value(low: int, high: int, currency: str) -> None:
    low, high = min(low, high), max(low, high)
    ticks = nice_ticks(low, high, currency)
    steps = {after - before for before, after in itertools.pairwise(ticks)}
    assert len(steps) == 1
    assert re.fullmatch("[125]0*", str(steps.pop()))
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 0 in ticks


@pytest.mark.parametrize(
    ("amount", "currency", "label"),
    [
        (0, "eur", "0"),
        (250, "eur", "2.5"),
        (250_000, "eur", "2.5k"),
        (-5_000_000, "eur", "−50k"),
        (200_000, "jpy", "200k"),
        (10**11, "jpy", "100B"),
        (10**18, "eur", "10000T"),
        (5, "kwd", "0.005"),
    ],
)
def test_axis_labels_are_short_and_exact(amount: int, currency: str, label: str) -> None:
    assert compact(amount, currency) == label


@pytest.mark.parametrize("days", [1, 2, 7, 30, 90])
@given(data=st.data())
def test_everything_drawn_lies_inside(days: int, data: st.DataObject) -> None:
    drawn = chart(data.draw(st.lists(AMOUNTS, min_size=days, max_size=days)))
    for mark in drawn.marks:
        assert TOP <= float(mark.y) <= HEIGHT - BOTTOM
        assert 0 < float(mark.x[:-1]) < 100
    numbers = [
        float(n) for n in re.findall(r" ([\d.]+)", drawn.line + drawn.open_line + drawn.before)
    ]
    assert all(TOP <= n <= HEIGHT - BOTTOM for n in numbers)


@pytest.mark.parametrize(
    "values", [[0] * 7, [5], [-5], [10**15] * 30, [-(10**9), 10**9] * 45, [0, 0, -1], []]
)
def test_any_chart_is_wellformed_and_has_nothing_inline(values: list[int]) -> None:
    svg = rendered(values)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    assert ids == ["net-title", "net-description"]
    for id_ in ids:
        assert (root.find(f".//*[@id='{id_}']").text or "").strip()  # type: ignore[union-attr]
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|nan|inf", svg, re.I)


def test_higher_is_further_up_and_negative_below_the_baseline() -> None:
    drawn = chart([100, 300, -200])
    low, high, negative = (float(mark.y) for mark in drawn.marks)
    assert high < low < float(drawn.baseline) < negative


def test_the_day_that_is_not_over_is_drawn_apart() -> None:
    drawn = chart([1, 2, 3])
    assert ["open" in mark.classes for mark in drawn.marks] == [False, False, True]
    assert drawn.open_line.startswith("M" + drawn.line.split("L")[-1])
    assert "so far" in drawn.marks[-1].heading
    closed = trend("net", "Net sales", points([1, 2, 3]), "eur", today=None)
    assert not closed.open_line
    assert not any("open" in mark.classes for mark in closed.marks)


def test_a_single_day_is_a_point() -> None:
    drawn = trend("net", "Net sales", points([5]), "eur")
    assert not drawn.line
    assert ["shown" in mark.classes for mark in drawn.marks] == [True]


def test_the_description_says_what_the_picture_shows() -> None:
    words = chart([100, 300, -200]).description
    assert "3 days from 22 Nov 2026 to 24 Nov 2026, 2.00 EUR in all." in words
    assert "The most is 3.00 EUR on 23 Nov 2026, the least −2.00 EUR on 24 Nov 2026." in words
    assert "The days they are compared with had 1.00 EUR." in words
    assert "isn't over" in words
    assert "Nothing from" in chart([0, 0]).description


@pytest.mark.parametrize(("days", "labels"), [(1, 1), (7, 7), (30, 5), (90, 7)])
def test_date_labels_end_today_and_leave_room(days: int, labels: int) -> None:
    ticks = date_ticks([point.day for point in points([0] * days)], TODAY)
    assert len(ticks) == labels
    assert ticks[-1].label == "today"
    assert not ticks[-1].minor
    assert all(a.minor != b.minor for a, b in itertools.pairwise(ticks))


def test_a_small_line_has_gaps_where_nothing_is_known() -> None:
    assert sparkline([1, 2, None, 3, 4]).count("M") == 2
    assert sparkline([None, None]) == ""
    assert sparkline([]) == ""
    assert "14.0" in sparkline([5, 5])
