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
    """Bars above an axis of amounts."""

    name: str
    title: str
    description: str
    height: int
    bottom: str
    bars: list[Bar]
    rows: list[Tick]


def waterfall(name: str, title: str, steps: Sequence[Step], currency: str) -> Waterfall:
    """A chart of ``steps`` in order. ``name`` is unique on the page and made of letters."""
    spans: list[tuple[int, int]] = []
    standing = 0
    for step in steps:
        start = 0 if step.total else standing
        standing = start + step.amount_minor
        spans.append((start, standing))
    ends = [end for span in spans for end in span]
    ticks = nice_ticks(min(ends, default=0), max(ends, default=0), currency)
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
        + ". The table has every value.",
        height=HEIGHT,
        bottom=f"{HEIGHT - BOTTOM:.1f}",
        bars=bars,
        rows=[Tick(f"{y(tick):.1f}", compact(tick, currency), zero=tick == 0) for tick in ticks],
    )


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
