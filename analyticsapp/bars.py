"""Geometry of charts of months: a column each, with its amount above it.

As in ``charts``, horizontal positions are percentages and vertical ones pixels, so that the text
keeps its size at any width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analyticsapp.charts import SUFFIXES
from payments.money import MINUS, exponent, format_money

HEIGHT = 226
TOP = 22
BOTTOM = 26
# Of its place, a column takes so much.
FILLED = 0.62
# So many amounts, and names of months, fit side by side.
MOST_AMOUNTS = 26
MOST_NAMES = 14


@dataclass(frozen=True)
class Month:
    """A month's amount in minor units, and what of the month it covers where that isn't all."""

    first: date
    value: int
    part: str = ""  # ``so far``

    @property
    def name(self) -> str:
        """``Nov 2026``."""
        return f"{self.first:%b %Y}"


@dataclass(frozen=True)
class Bar:
    """A column on the page: where it stands, its amount, and the month's name below it."""

    left: str
    width: str
    middle: str
    top: str
    height: str
    amount: str  # short, empty where there is no room
    amount_at: str
    name: str
    exact: str
    part: bool  # of a month
    minor: bool  # left out where there is little room


@dataclass(frozen=True)
class Bars:
    """Columns above and below a line at 0."""

    name: str
    title: str
    description: str
    height: int
    zero: str
    bottom: int
    bars: list[Bar]


def columns(name: str, title: str, months: Sequence[Month], currency: str) -> Bars:
    """A chart of ``months``, in order, in ``currency``; ``name`` is unique on the page and made of
    letters."""
    values = [month.value for month in months]
    low, high = min([0, *values]), max([0, *values])
    room = HEIGHT - TOP - BOTTOM - (14 if low < 0 else 0)
    each = room / ((high - low) or 1)
    zero = TOP + high * each
    every = -(-len(months) // MOST_NAMES)
    bars = []
    for n, month in enumerate(months):
        height = max(abs(month.value) * each, 1)
        top = zero - height if month.value >= 0 else zero
        nearly_last = len(months) - 1 - n
        bars.append(
            Bar(
                left=_percent((n + (1 - FILLED) / 2) / len(months)),
                width=_percent(FILLED / len(months)),
                middle=_percent((n + 0.5) / len(months)),
                top=f"{top:.1f}",
                height=f"{height:.1f}",
                amount=rough(month.value, currency) if len(months) <= MOST_AMOUNTS else "",
                amount_at=f"{top - 6 if month.value >= 0 else top + height + 14:.1f}",
                name=_label(month, months[0].first) if nearly_last % every == 0 else "",
                exact=f"{_whole_name(month)}: {format_money(month.value, currency)}",
                part=bool(month.part),
                minor=nearly_last % 2 == 1,
            )
        )
    return Bars(
        name, title, describe(months, currency), HEIGHT, f"{zero:.1f}", HEIGHT - BOTTOM, bars
    )


def rough(amount_minor: int, currency: str) -> str:
    """``1234567`` of ``usd`` as ``12.3k``: three digits, for where the exact amount is nearby."""
    value = Decimal(abs(amount_minor)).scaleb(-exponent(currency))
    suffix = ""
    for size, letter in SUFFIXES:
        if value >= size:
            value, suffix = value / size, letter
            break
    decimals = 0 if value >= 100 or not suffix else 1 if value >= 10 else 2
    number = f"{value:.{decimals}f}"
    return f"{MINUS if amount_minor < 0 else ''}{number}{suffix}"


def describe(months: Sequence[Month], currency: str) -> str:
    """What a person sees in the chart, in words."""
    if not months:
        return "No months."
    most = max(months, key=lambda month: month.value)
    least = min(months, key=lambda month: month.value)
    words = [
        f"{len(months)} {'month' if len(months) == 1 else 'months'},"
        f" {months[0].name} to {months[-1].name}.",
        f"The most is {format_money(most.value, currency)} in {most.name},",
        f"the least {format_money(least.value, currency)} in {least.name}.",
    ]
    words += [f"{month.name} is only {month.part}." for month in months if month.part]
    words.append("The table of months has every value.")
    return " ".join(words)


def _whole_name(month: Month) -> str:
    return f"{month.name}, {month.part}" if month.part else month.name


def _label(month: Month, first: date) -> str:
    """``Nov``, with its year where the chart or a year begins."""
    if month.first in {first, month.first.replace(month=1)}:
        return f"{month.first:%b} ’{month.first:%y}"
    return f"{month.first:%b}"


def _percent(share: float) -> str:
    return f"{share * 100:.3f}%"
