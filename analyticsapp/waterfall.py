"""Geometry of a waterfall: from one amount to another, a bar for each step between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyticsapp.bars import rough
from analyticsapp.charts import Tick, compact, nice_ticks
from payments.money import MINUS, format_money

HEIGHT = 252
TOP = 24
BOTTOM = 40
# Where what moves is far above 0, the axis begins above it too, so that it can be seen: when all
# levels are above this share of the highest, and this much below them, of what lies between them.
FAR = 0.7
BELOW = 0.5
# Of the room that a step has, how much its bar takes.
BAR = 0.56


@dataclass(frozen=True)
class Step:
    """An amount that stands (``total``), or one that is added to what stood before."""

    name: str
    amount_minor: int
    total: bool = False


@dataclass(frozen=True)
class Bar:
    """A step on the page: percentages across, pixels down."""

    name: str
    kind: str  # total, gain, loss or nothing
    x: str
    width: str
    middle: str
    y: str
    height: str
    label: str
    label_at: str
    join: tuple[str, str, str] | None  # the line to the next bar: from, to, at


@dataclass(frozen=True)
class Waterfall:
    """Bars above an axis of amounts, which begins at ``base`` where that isn't 0."""

    name: str
    title: str
    description: str
    height: int
    bottom: str
    bars: list[Bar]
    rows: list[Tick]
    base: str


def waterfall(name: str, title: str, steps: Sequence[Step], currency: str) -> Waterfall:
    """A chart of ``steps`` in order. ``name`` is unique on the page and made of letters."""
    levels: list[int] = []
    for step in steps:
        before = levels[-1] if levels and not step.total else 0
        levels.append(before + step.amount_minor)
    base = _base(levels, currency)
    starts = [base, *levels]
    spans = [
        (base if step.total else start, end)
        for step, start, end in zip(steps, starts, levels, strict=False)
    ]
    above = [end - base for span in spans for end in span]
    ticks = [
        base + tick for tick in nice_ticks(min(above, default=0), max(above, default=0), currency)
    ]
    low, high = ticks[0], ticks[-1]

    def y(value: int) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    room = 100 / len(steps) if steps else 100
    bars = []
    for n, (step, (start, end)) in enumerate(zip(steps, spans, strict=True)):
        left, top = n * room + room * (1 - BAR) / 2, y(max(start, end))
        bars.append(
            Bar(
                name=step.name,
                kind=_kind(step),
                x=f"{left:.2f}%",
                width=f"{room * BAR:.2f}%",
                middle=f"{(n + 0.5) * room:.2f}%",
                y=f"{top:.1f}",
                height=f"{max(y(min(start, end)) - top, 1):.1f}",
                label=_signed(step, currency),
                label_at=f"{top - 7:.1f}",
                join=(f"{left + room * BAR:.2f}%", f"{left + room:.2f}%", f"{y(end):.1f}")
                if n + 1 < len(steps)
                else None,
            )
        )
    return Waterfall(
        name=name,
        title=title,
        description=", ".join(
            f"{step.name} {format_money(step.amount_minor, currency)}" for step in steps
        )
        + f". {f'The axis begins at {format_money(base, currency)}. ' if base else ''}"
        "The table has every value.",
        height=HEIGHT,
        bottom=f"{HEIGHT - BOTTOM:.1f}",
        bars=bars,
        rows=[Tick(f"{y(tick):.1f}", compact(tick, currency), zero=tick == base) for tick in ticks],
        base=format_money(base, currency) if base else "",
    )


def _base(levels: Sequence[int], currency: str) -> int:
    """Where the axis begins."""
    low, high = min(levels, default=0), max(levels, default=0)
    if low <= FAR * high or low == high:
        return 0
    step = nice_ticks(0, high - low, currency)[1]
    return max(int(low - BELOW * (high - low)) // step * step, 0)


def _kind(step: Step) -> str:
    if step.total:
        return "total"
    if not step.amount_minor:
        return "nothing"
    return "gain" if step.amount_minor > 0 else "loss"


def _signed(step: Step, currency: str) -> str:
    """The amount in few letters: to three digits, with its sign where it is a step."""
    sign = "" if step.total or not step.amount_minor else "+" if step.amount_minor > 0 else MINUS
    return sign + rough(abs(step.amount_minor), currency)
