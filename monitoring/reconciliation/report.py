"""A reconciliation for a person, for a program, for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from auditlog.exports import CsvFile, Download
from monitoring.reconciliation.period import Period, snapshots_zone
from monitoring.reconciliation.residuals import FIGURES, Figure, Step
from monitoring.reconciliation.selectors import Cell, Entry, Reconciliation
from monitoring.report import plural
from payments.money import exponent, format_money, format_number

# The columns of the CSV, and what they mean.
COLUMNS = {
    "day": "The day, in the time zone that was asked for.",
    "currency": "ISO 4217, in lower case as Stripe writes it. Never add amounts of two of them.",
    "kind": "figure, or residual: a part of the difference between two figures.",
    "step": "Of a residual: which two figures it lies between.",
    "line": "Which figure, or which residual.",
    "amount_minor": "Minor units of the currency.",
    "amount": "The same with the currency’s decimals.",
    "rows": "Of a residual: how many rows it is made of.",
    "look": "Of a residual: yes where somebody should find out why there is any, else no.",
}


def not_comparable(period: Period) -> str:
    """Why the snapshots aren't compared; empty where they are."""
    if period.comparable:
        return ""
    return (
        f"Snapshots are of days in {snapshots_zone()}, so they can’t be compared with days in "
        f"{period.zone.key}."
    )


def as_text(found: Reconciliation) -> Iterator[str]:
    """Each day and currency as a statement, line by line."""
    period = found.period
    yield f"Reconciliation of {period.first} to {period.last}, days in {period.zone.key}"
    if note := not_comparable(period):
        yield note
    for cell in found.cells.values():
        yield ""
        yield f"{cell.day} {cell.currency.upper()}"
        entries = list(cell.statement(found.steps))
        width = max(len(format_number(entry.amount, cell.currency)) for entry in entries)
        for entry in entries:
            number = f"{format_number(entry.amount, cell.currency):>{width}}"
            yield from _text(cell, entry, number)
    yield ""
    if not found.cells:
        yield "Nothing moved on these days."
    elif found.to_look_at:
        yield f"{plural(found.to_look_at, 'difference')} to look at, marked with !"
    else:
        yield "Every difference has its reason."


def _text(cell: Cell, entry: Entry, number: str) -> Iterator[str]:
    if entry.line:
        residual = entry.line.residual
        mark = "!" if residual.look else " "
        yield f" {mark}  + {residual.name:<44} {number}  {plural(entry.line.rows, 'row')}"
    elif entry.figure:
        yield f"    {entry.figure.name:<46} {number}"
    if entry.snapshot:
        for line in cell.residuals(entry.snapshot):
            mark = "!" if line.residual.look else " "
            yield (
                f" {mark}    {line.residual.name.lower()}: "
                f"{format_money(line.amount, cell.currency)} more than {entry.snapshot.right.name}"
            )


def as_json(found: Reconciliation) -> str:
    """The same for programs; amounts are integers of minor units."""
    period = found.period
    body = {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "time_zone": period.zone.key,
        "snapshots_time_zone": snapshots_zone(),
        "snapshots_compared": period.comparable,
        "to_look_at": found.to_look_at,
        "cells": [
            {
                "day": str(cell.day),
                "currency": cell.currency,
                "figures": {
                    figure.key: cell.figures[figure] for figure in FIGURES if _has(found, figure)
                },
                "captured": cell.captured,
                "refunded": cell.refunded,
                "differences": [_difference(cell, step) for step in found.steps],
            }
            for cell in found.cells.values()
        ],
    }
    return json.dumps(body, indent=2)


def _has(found: Reconciliation, figure: Figure) -> bool:
    return any(figure in (step.left, step.right) for step in found.steps)


def _difference(cell: Cell, step: Step) -> dict[str, Any]:
    return {
        "step": step.key,
        "of": step.left.key,
        "less": step.right.key,
        "difference": cell.difference(step),
        "residuals": [
            {
                "residual": line.residual.key,
                "name": line.residual.name,
                "amount": line.amount,
                "rows": line.rows,
                "look": line.residual.look,
            }
            for line in cell.residuals(step)
        ],
    }


def as_rows(found: Reconciliation) -> Iterator[list[str | int | Decimal]]:
    """The rows of the CSV, by ``COLUMNS``."""
    for cell in found.cells.values():
        for figure in FIGURES:
            if _has(found, figure):
                amount = cell.figures[figure]
                yield _row(cell, "figure", "", figure.key, amount, "", "")
        for step in found.steps:
            for line in cell.residuals(step):
                key, look = line.residual.key, "yes" if line.residual.look else "no"
                yield _row(cell, "residual", step.key, key, line.amount, line.rows, look)


def _row(
    cell: Cell, kind: str, step: str, line: str, amount: int, rows: int | str, look: str
) -> list[str | int | Decimal]:
    number = Decimal(amount).scaleb(-exponent(cell.currency))
    return [str(cell.day), cell.currency, kind, step, line, amount, number, rows, look]


def export(found: Reconciliation) -> Download:
    """The rows as a download, audited as ``reconciliation.exported``."""
    period = found.period
    about = {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "time_zone": period.zone.key,
    }
    return Download("reconciliation", CsvFile.of_rows(COLUMNS, as_rows(found)), about)
