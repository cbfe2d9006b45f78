"""The bridge for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings

from analyticsapp.bridge.lines import Part, line_of, place
from analyticsapp.selectors.bridge import FIGURES, Bridge
from auditlog.exports import CsvFile, Download
from payments.money import exponent

# The columns of the CSV, and what they mean.
COLUMNS = {
    "currency": "ISO 4217, in lower case as Stripe writes it. Never add amounts of two of them.",
    "counterpart": "The currency on the other side: the settlement’s, or the one customers paid "
    "in. Empty: none, or of a figure.",
    "kind": "figure, or line: what leads to the next figure.",
    "key": "Which figure, or which line.",
    "name": "What the page calls it.",
    "amount_minor": "Minor units of the currency. A figure is the sum of all lines before it.",
    "amount": "The same with the currency’s decimals.",
    "rows": "Of a line: how many charges, refunds or balance transactions it is made of.",
    "look": "Of a line: yes where somebody should find out why there is any, else no.",
}


def as_rows(found: Bridge) -> Iterator[list[str | int | Decimal]]:
    """The rows of the CSV, by ``COLUMNS``: a statement for each currency, its figures among the
    lines that lead to them."""
    for currency in found.currencies:
        cells = [(line_of(cell.line), cell) for cell in found.cells if cell.currency == currency]
        cells.sort(key=lambda one: (*place(one[0]), one[1].counterpart))
        total = 0
        for part in Part:
            for line, cell in cells:
                if line.part is part:
                    total += cell.amount
                    look = "yes" if line.look else "no"
                    told = (line.key, line.name, *_amounts(cell.amount, currency))
                    yield [currency, cell.counterpart, "line", *told, cell.rows, look]
            figure = FIGURES[part]
            told = (figure.key, figure.name, *_amounts(total, currency))
            yield [currency, "", "figure", *told, "", ""]


def _amounts(amount_minor: int, currency: str) -> tuple[int, Decimal]:
    return amount_minor, Decimal(amount_minor).scaleb(-exponent(currency))


def export(found: Bridge) -> Download:
    """The rows as a download, audited as ``bridge.exported``."""
    about = {
        "from": found.window.first.isoformat(),
        "to": found.window.last.isoformat(),
        "time_zone": settings.REPORTING_TIME_ZONE,
    }
    return Download("bridge", CsvFile.of_rows(COLUMNS, as_rows(found)), about)
