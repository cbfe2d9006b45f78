"""Geometry of the charts. The template turns it into SVG.

Horizontal positions are percentages and vertical ones pixels, so that a chart fills any width
without its text growing or shrinking. Lines can't have percentages: they are drawn in a box of
1000 units that is stretched to the width, with strokes that aren't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count

from payments.money import MINUS, exponent, format_money

HEIGHT = 260
TOP = 20
BOTTOM = 28
BOX = 1000
TICKS = 6
SUFFIXES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


@dataclass(frozen=True)
class Point:
    """A day's value, and the value that it is compared with; in minor units."""

    day: date
    value: int
    before: int | None = None
    day_before: date | None = None


@dataclass(frozen=True)
class Mark:
    """A point on the page: where it is and what it says when pointed at."""

    x: str
    left: str
    width: str
    y: str
    y_before: str | None
    heading: str
    text: str
    text_before: str
    side: str  # which way its text runs
    dx: str  # how far from the point it begins
    classes: str  # ``open``: a day that isn't over; ``shown``: also when nobody points at it


@dataclass(frozen=True)
class Tick:
    """A line of an axis with its label."""

    at: str
    label: str
    minor: bool = False  # left out where there is little room
    zero: bool = False
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """A line of days above an axis of amounts, and a quieter line to compare it with."""

    name: str
    title: str
    description: str
    height: int
    baseline: str
    bottom: str
    box: int
    line: str
    open_line: str
    area: str
    before: str
    marks: list[Mark]
    rows: list[Tick]
    columns: list[Tick] = field(default_factory=list)


def trend(
    name: str, title: str, points: Sequence[Point], currency: str, *, today: date | None = None
) -> Chart:
    """A chart of ``points``, one a day in order, in ``currency``.

    ``today`` is the day that isn't over: the line to it is broken, its point open. ``name`` is
    unique on the page and made of letters.
    """
    values = [point.value for point in points]
    values += [point.before for point in points if point.before is not None]
    ticks = nice_ticks(min(values, default=0), max(values, default=0), currency)
    low, high = ticks[0], ticks[-1]

    def y(value: int) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    def x(position: int) -> float:
        return (position + 0.5) / len(points) * 100

    closed = len(points) - (1 if points and points[-1].day == today else 0)
    line = [(x(n), y(point.value)) for n, point in enumerate(points)]
    before = [(x(n), y(p.before)) for n, p in enumerate(points) if p.before is not None]
    return Chart(
        name=name,
        title=title,
        description=describe(points, currency, today),
        height=HEIGHT,
        baseline=_pixels(y(0)),
        bottom=_pixels(HEIGHT - BOTTOM),
        box=BOX,
        line=path(line[:closed]),
        open_line=path(line[closed - 1 :]) if 0 < closed < len(line) else "",
        area=area(line[:closed], y(0)),
        before=path(before),
        marks=[
            _mark(n, point, len(points), x, y, currency, today) for n, point in enumerate(points)
        ],
        rows=[Tick(_pixels(y(tick)), compact(tick, currency), zero=tick == 0) for tick in ticks],
        columns=date_ticks([point.day for point in points], today),
    )


def nice_ticks(low: int, high: int, currency: str) -> list[int]:
    """Round amounts in minor units, evenly spaced, from below ``low`` to above ``high``, with 0.

    The step is 1, 2 or 5 times a power of ten of minor units, and never less than one.
    """
    low, high = min(low, 0), max(high, 0)
    if low == high:
        return [0, 10 ** exponent(currency)]
    step = next(step for step in _steps() if high - low <= step * (TICKS - 1))
    return list(range(low // step * step, -(-high // step) * step + 1, step))


def compact(amount_minor: int, currency: str) -> str:
    """``1250000`` of ``usd`` as ``12.5k``: for an axis, whose ticks are round."""
    value = Decimal(abs(amount_minor)).scaleb(-exponent(currency))
    suffix = ""
    for size, letter in SUFFIXES:
        if value >= size:
            value, suffix = value / size, letter
            break
    number = f"{value.normalize():f}"
    return f"{MINUS if amount_minor < 0 else ''}{number}{suffix}"


def date_ticks(days: Sequence[date], today: date | None) -> list[Tick]:
    """Labels below the days: each of a week, each week of a month or two, else each fortnight."""
    step = 1 if len(days) <= 7 else 7 if len(days) <= 45 else 14
    last = len(days) - 1
    ticks = []
    for n in range(last, -1, -step):
        day = days[n]
        label = "today" if day == today else f"{day:%a} {day.day}" if step == 1 else short(day)
        minor = (last - n) // step % 2 == 1
        ticks.append(Tick(_percent((n + 0.5) / len(days) * 100), label, minor))
    return ticks[::-1]


def describe(points: Sequence[Point], currency: str, today: date | None) -> str:
    """What a person sees in the chart, in words."""
    if not points:
        return "No days."
    if not any(point.value or point.before for point in points):
        return f"Nothing from {long(points[0].day)} to {long(points[-1].day)}."
    most = max(points, key=lambda point: point.value)
    least = min(points, key=lambda point: point.value)
    total = sum(point.value for point in points)
    words = [
        f"{len(points)} {'day' if len(points) == 1 else 'days'}"
        f" from {long(points[0].day)} to {long(points[-1].day)},",
        f"{format_money(total, currency)} in all.",
        f"The most is {format_money(most.value, currency)} on {long(most.day)},",
        f"the least {format_money(least.value, currency)} on {long(least.day)}.",
    ]
    if any(point.before is not None for point in points):
        total = sum(point.before or 0 for point in points)
        words.append(f"The days they are compared with had {format_money(total, currency)}.")
    if points[-1].day == today:
        words.append("The last day isn't over.")
    words.append("The table of days has every value.")
    return " ".join(words)


def path(line: Sequence[tuple[float, float]]) -> str:
    """The line through these points (percent, pixels); empty for fewer than two."""
    if len(line) < 2:
        return ""
    return "M" + "L".join(f"{x * BOX / 100:.1f} {y:.1f}" for x, y in line)


def area(line: Sequence[tuple[float, float]], baseline: float) -> str:
    """The area between the line and the baseline; empty for fewer than two points."""
    if len(line) < 2:
        return ""
    first, last = line[0][0] * BOX / 100, line[-1][0] * BOX / 100
    return f"{path(line)}L{last:.1f} {baseline:.1f}L{first:.1f} {baseline:.1f}Z"


def sparkline(values: Sequence[int | None], height: int = 28) -> str:
    """The path of a small line without axes, in a box of 1000 by ``height``; gaps for None."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0), max(known, default=0)
    parts: list[list[tuple[float, float]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            share = (high - value) / (high - low) if high > low else 0.5
            parts[-1].append(((n + 0.5) / len(values) * 100, 2 + (height - 4) * share))
    return "".join(path(part) for part in parts)


def short(day: date) -> str:
    """``24 Nov``."""
    return f"{day.day} {day:%b}"


def long(day: date) -> str:
    """``24 Nov 2026``."""
    return f"{day.day} {day:%b %Y}"


def _mark(
    n: int,
    point: Point,
    of: int,
    x: Callable[[int], float],
    y: Callable[[int], float],
    currency: str,
    today: date | None,
) -> Mark:
    so_far = ", so far" if point.day == today else ""
    before = ""
    if point.before is not None and point.day_before:
        before = f"{short(point.day_before)}: {format_money(point.before, currency)}"
    after = n < of / 2
    is_open, shown = point.day == today, point.day == today or of == 1
    return Mark(
        x=_percent(x(n)),
        left=_percent(n / of * 100),
        width=_percent(100 / of),
        y=_pixels(y(point.value)),
        y_before=None if point.before is None else _pixels(y(point.before)),
        heading=f"{point.day:%a} {long(point.day)}{so_far}",
        text=format_money(point.value, currency),
        text_before=before,
        side="after" if after else "before",
        dx="8" if after else "-8",
        classes="mark" + " open" * is_open + " shown" * shown,
    )


def _steps() -> Iterator[int]:
    for power in count():
        for factor in (1, 2, 5):
            yield factor * 10**power


def _percent(value: float) -> str:
    return f"{value:.3f}%"


def _pixels(value: float) -> str:
    return f"{value:.1f}"
