"""The bridge of some days: what leads from net sales to the settlement and on to payouts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.db import connection
from django.db.models import Q, Sum

from analyticsapp.bridge.lines import EXCHANGED_IN, EXCHANGED_OUT, Line, Part, line_of, place
from analyticsapp.days import Window
from analyticsapp.models import BridgeDay
from analyticsapp.selectors.windows import WINDOWS, parameters


@dataclass(frozen=True)
class Figure:
    """What the lines down to a place add up to."""

    key: str
    name: str
    meaning: str
    kpi: str = ""  # whose figure it is


# The figure that each part of the bridge ends in.
FIGURES = {
    Part.SALES: Figure(
        "net_sales", "Net sales", "What was captured less what was refunded.", "net_sales"
    ),
    Part.SETTLING: Figure(
        "sales_settled",
        "Sales as settled",
        "What charges and refunds brought into Stripe’s balance, in the currency of the "
        "settlement, before fees.",
    ),
    Part.CHARGED: Figure(
        "settled_net", "Settled net", "By how much the balance grew before payouts.", "settled_net"
    ),
    Part.PAYOUTS: Figure(
        "balance_change",
        "Change of the balance",
        "Settled net less payouts: by how much Stripe’s balance changed.",
        "balance_change",
    ),
}


@dataclass(frozen=True)
class Cell:
    """A line in one currency: minor units, of how many rows, and with which other currencies."""

    line: str
    currency: str
    counterpart: str
    amount: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Entry:
    """A line of the statement, or a figure: an amount for each currency that it has one in.

    An exchange is a line for each pair of currencies, from the one and into the other.
    """

    name: str
    amounts: dict[str, int]
    figure: Figure | None = None
    line: Line | None = None
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The line's or the figure's."""
        return self.line.key if self.line else self.figure.key if self.figure else ""


@dataclass(frozen=True)
class Bridge:
    """The lines of some days. Over all lines down to a figure, each currency adds up to it."""

    window: Window
    cells: tuple[Cell, ...]

    @property
    def currencies(self) -> list[str]:
        """The busiest first."""
        busy: Counter[str] = Counter()
        for cell in self.cells:
            busy[cell.currency] += cell.rows
        return sorted(busy, key=lambda currency: (-busy[currency], currency))

    def statement(self) -> list[Entry]:
        """From net sales to the change of the balance, line by line: each figure is what all lines
        before it add up to."""
        keys = {EXCHANGED_OUT if one.line == EXCHANGED_IN else one.line for one in self.cells}
        lines = sorted(map(line_of, keys), key=place)
        sums: Counter[str] = Counter(dict.fromkeys(self.currencies, 0))
        entries: list[Entry] = []
        for part in Part:
            for line in (one for one in lines if one.part is part):
                for entry in self._entries(line):
                    sums.update(entry.amounts)
                    entries.append(entry)
            figure = FIGURES[part]
            entries.append(Entry(figure.name, dict(sums), figure=figure))
        return entries

    def _entries(self, line: Line) -> Iterator[Entry]:
        cells = [cell for cell in self.cells if cell.line == line.key]
        if line.key == EXCHANGED_OUT:
            pairs: dict[tuple[str, str], list[Cell]] = defaultdict(list)
            for cell in cells:
                pairs[cell.currency, cell.counterpart].append(cell)
            for cell in (one for one in self.cells if one.line == EXCHANGED_IN):
                pairs[cell.counterpart, cell.currency].append(cell)
            for (sold_in, settled_in), both in sorted(pairs.items()):
                name = f"{line.name} {sold_in.upper()} → {settled_in.upper()}"
                yield entry_of(name, line, both)
            return
        together: dict[str, Cell] = {}
        for cell in cells:
            sum_of = together.get(cell.currency, Cell(line.key, cell.currency, ""))
            together[cell.currency] = replace(
                sum_of, amount=sum_of.amount + cell.amount, rows=sum_of.rows + cell.rows
            )
        yield entry_of(line.name, line, list(together.values()))


def entry_of(name: str, line: Line, cells: list[Cell]) -> Entry:
    return Entry(
        name,
        {cell.currency: cell.amount for cell in cells},
        line=line,
        cells={cell.currency: cell for cell in cells},
    )


LINE = f"""
SELECT n, coalesce(sum(amount_minor), 0)::bigint, coalesce(sum(rows), 0)::bigint
FROM {WINDOWS} LEFT JOIN {BridgeDay._meta.db_table} AS day
    ON day.day BETWEEN asked.first AND asked.last AND line = %(line)s AND currency = %(currency)s
    AND (%(counterpart)s = '' OR counterpart = %(counterpart)s)
    AND (other_day IS NULL OR other_day NOT BETWEEN %(whole_first)s AND %(whole_last)s)
GROUP BY n ORDER BY n
"""


def line_in(
    parts: Sequence[Window], whole: Window, line: str, currency: str, counterpart: str = ""
) -> list[Cell]:
    """What each part of the ``whole`` days has of a line of their bridge, with one counterpart
    alone if one is given: over parts that make up the whole they add up to the line. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            LINE,
            {
                **parameters(parts),
                "line": line,
                "currency": currency,
                "counterpart": counterpart,
                "whole_first": whole.first,
                "whole_last": whole.last,
            },
        )
        found = cursor.fetchall()
    return [Cell(line, currency, counterpart, amount, rows) for _, amount, rows in found]


def bridge(window: Window) -> Bridge:
    """The bridge of these days, in all currencies. One query.

    What leaves one of these days and comes in on another of them is left out.
    """
    within = Q(other_day__range=(window.first, window.last))
    rows = (
        BridgeDay.objects.filter(day__range=(window.first, window.last))
        .exclude(within & Q(other_day__isnull=False))
        .order_by()
        .values_list("line", "currency", "counterpart")
        .annotate(amount=Sum("amount_minor"), count=Sum("rows"))
    )
    return Bridge(window, tuple(sorted((Cell(*row) for row in rows), key=lambda cell: cell.line)))
