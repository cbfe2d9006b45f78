"""The reconciliation of some days, and the rows of its residuals, read from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection

from monitoring.reconciliation import statements
from monitoring.reconciliation.period import DAYS_A_STATEMENT, Period
from monitoring.reconciliation.residuals import (
    ALL,
    BALANCE,
    BALANCE_TO_PAYMENTS,
    BRIDGE,
    BY_CATEGORY,
    ORDERS,
    PAYMENTS,
    PAYMENTS_TO_ORDERS,
    RESIDUALS,
    SNAPSHOTS,
    STEPS,
    Figure,
    Residual,
    Step,
)


@dataclass
class Line:
    """What a residual comes to: minor units, and how many rows they are of."""

    residual: Residual
    amount: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Entry:
    """A line of a cell as a statement: a figure, or what leads from it to the next one."""

    amount: int
    figure: Figure | None = None
    line: Line | None = None
    # Of a figure: what its snapshot is compared by, where it is.
    snapshot: Step | None = None


@dataclass
class Cell:
    """A day (or all days: None) in one currency; amounts in its minor units."""

    day: date | None
    currency: str
    figures: Counter[Figure] = field(default_factory=Counter)
    lines: dict[Residual, Line] = field(default_factory=dict)
    captured: int = 0
    rows: int = 0

    @property
    def refunded(self) -> int:
        """Refunds less those that came back: captured less this is the figure of payments."""
        return self.captured - self.figures[PAYMENTS]

    def difference(self, step: Step) -> int:
        """The step's first figure less its second."""
        return self.figures[step.left] - self.figures[step.right]

    def residuals(self, step: Step) -> list[Line]:
        """What the difference is made of, in the order of the registry."""
        return [self.lines[one] for one in ALL if one.step is step and one in self.lines]

    def statement(self, steps: Collection[Step]) -> Iterator[Entry]:
        """From the orders to the balance, line by line: each figure and the residuals after it
        add up to the next figure."""
        snapshots = {step.left: step for step in steps if step in SNAPSHOTS}
        for figure, step in ((ORDERS, PAYMENTS_TO_ORDERS), (PAYMENTS, BALANCE_TO_PAYMENTS)):
            yield Entry(self.figures[figure], figure, snapshot=snapshots.get(figure))
            for line in self.residuals(step):
                yield Entry(line.amount, line=line)
        yield Entry(self.figures[BALANCE], BALANCE, snapshot=snapshots.get(BALANCE))

    @property
    def to_look_at(self) -> list[Line]:
        """The residuals that somebody should find out about."""
        return [self.lines[one] for one in ALL if one.look and one in self.lines]

    def add(self, other: Cell) -> None:
        """Add another day of the same currency."""
        assert other.currency == self.currency
        self.figures.update(other.figures)
        self.captured += other.captured
        self.rows += other.rows
        for residual, line in other.lines.items():
            mine = self.lines.setdefault(residual, Line(residual))
            mine.amount += line.amount
            mine.rows += line.rows


@dataclass(frozen=True)
class Reconciliation:
    """Cells by day and currency; a day on which nothing moved in a currency has none."""

    period: Period
    cells: Mapping[tuple[date, str], Cell]

    @property
    def currencies(self) -> list[str]:
        """The busiest first."""
        busy: Counter[str] = Counter()
        for cell in self.cells.values():
            busy[cell.currency] += cell.rows
        return sorted(busy, key=lambda currency: (-busy[currency], currency))

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is compared; the snapshots only where they are of the same days."""
        return steps_of(self.period)

    def days(self, currency: str) -> list[Cell]:
        """A cell for each day of the period."""
        return [self.cells.get((day, currency)) or Cell(day, currency) for day in self.period.days]

    def total(self, currency: str) -> Cell:
        """All days of a currency together."""
        total = Cell(None, currency)
        for cell in self.days(currency):
            total.add(cell)
        return total

    @property
    def to_look_at(self) -> int:
        """How many residuals there are, over days and currencies, that somebody should look at."""
        return sum(len(cell.to_look_at) for cell in self.cells.values())


def steps_of(period: Period) -> tuple[Step, ...]:
    """The steps that can be compared over the days of ``period``."""
    return (*BRIDGE, *SNAPSHOTS) if period.comparable else BRIDGE


def reconcile(period: Period) -> Reconciliation:
    """Compare the figures of each day and currency. One statement for 31 days, whatever the rows.

    All figures of a statement are of one moment, so they fit together while others write.
    """
    steps = steps_of(period)
    cells: dict[tuple[date, str], Cell] = {}
    for piece in period.pieces():
        with connection.cursor() as cursor:
            cursor.execute(statements.sums(steps), parameters(piece))
            _take(cells, piece, cursor.fetchall())
    return Reconciliation(period, dict(sorted(cells.items())))


@dataclass(frozen=True)
class Row:
    """A row of a residual and its part of it, in minor units."""

    day: date
    kind: str
    key: str
    at: datetime
    detail: str
    counterpart: str
    amount: int


@dataclass(frozen=True)
class Rows:
    """Some rows of a residual, and how many there are and what all of them add up to."""

    rows: Sequence[Row]
    count: int
    total: int


def residual_rows(
    period: Period, currency: str, residual: Residual, *, limit: int, offset: int = 0
) -> Rows:
    """Rows that make up the residual, by day. One statement; at most 31 days."""
    assert len(period.days) <= DAYS_A_STATEMENT
    with connection.cursor() as cursor:
        cursor.execute(
            statements.page(residual.step),
            {
                **parameters(period),
                "residual": residual.key,
                "currency": currency,
                "limit": limit,
                "offset": offset,
            },
        )
        found = cursor.fetchall()
    rows = [
        Row(period.days[n - 1], kind, key, at, detail, counterpart, amount)
        for n, kind, key, at, detail, counterpart, amount, _, _ in found
    ]
    count, total = found[0][-2:] if found else (0, 0)
    return Rows(rows, count, total)


# Which side of which step says what a figure is.
FIGURES = {
    (BALANCE_TO_PAYMENTS, "left"): BALANCE,
    (PAYMENTS_TO_ORDERS, "left"): PAYMENTS,
    (PAYMENTS_TO_ORDERS, "right"): ORDERS,
    **{(step, "right"): step.right for step in SNAPSHOTS},
}


def _take(
    cells: dict[tuple[date, str], Cell], piece: Period, found: Iterable[tuple[Any, ...]]
) -> None:
    for step_key, n, currency, side, kind, residual_key, rows, amount in found:
        step, key = STEPS[step_key], (piece.days[n - 1], currency)
        cell = cells.setdefault(key, Cell(*key))
        if figure := FIGURES.get((step, side)):
            cell.figures[figure] += amount if side == "left" else -amount
            cell.rows += rows
        if step is PAYMENTS_TO_ORDERS and kind == "charge" and side == "left":
            cell.captured += amount
        if residual_key is not None:
            residual = RESIDUALS[step, residual_key]
            line = cell.lines.setdefault(residual, Line(residual))
            line.amount += amount
            line.rows += rows


def parameters(piece: Period) -> dict[str, Any]:
    """What the statements take."""
    return {
        "days": piece.days,
        "starts": piece.starts,
        "first": piece.starts[0],
        "end": piece.starts[-1],
        "categories": list(BY_CATEGORY),
        "residuals": list(BY_CATEGORY.values()),
        "time_zone": settings.REPORTING_TIME_ZONE,
    }
