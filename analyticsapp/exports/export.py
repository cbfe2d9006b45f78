"""What an export is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from analyticsapp.exports.scope import Scope
from auditlog.columns import Column, Kind, written
from auditlog.exports import CsvFile, copied
from payments.expressions import decimal_sql

Query = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Pack:
    """Exports that belong together, and the permission that they take."""

    name: str
    title: str
    meaning: str
    permission: str


@dataclass(frozen=True)
class Totals:
    """How many rows there are, and what their amounts add up to: by column of minor units, by
    currency."""

    rows: int
    amounts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Export:
    """One file: what a row of it is, its columns, and the SQL of its rows.

    ``rows`` gives each column's value under its name, as Postgres has it; amounts in minor units
    alone. ``order`` names what they are ordered by, without ties. Where ``dated`` isn't set, the
    days that are asked for don't matter.
    """

    name: str
    pack: Pack
    title: str
    meaning: str
    columns: tuple[Column, ...]
    rows: Callable[[Scope], Query]
    order: str
    dated: bool = True

    def shown(self, scope: Scope) -> list[Column]:
        """The columns that the scope has."""
        return [column for column in self.columns if scope.personal or not column.personal]

    def statement(self, scope: Scope) -> Query:
        """The query of the file: every cell as the file has it."""
        cells = ", ".join(map(cell, self.shown(scope)))
        source, parameters = self.source(scope)
        return f"SELECT {cells} FROM {source} ORDER BY {self.order}", parameters

    def file(self, scope: Scope) -> CsvFile:
        """The rows as CSV; Postgres begins when it is read."""
        header = [column.name for column in self.shown(scope)]
        return CsvFile(header, lambda: copied(*self.statement(scope)))

    def totals(self, scope: Scope) -> Totals:
        """Counted over the same rows by a query of their own, apart from the file."""
        source, parameters = self.source(scope)
        names: dict[str, list[str]] = defaultdict(list)
        for column in self.shown(scope):
            if column.kind is Kind.MINOR:
                names[column.currency].append(column.name)
        amounts: dict[str, dict[str, int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {source}", parameters)
            (rows,) = cursor.fetchone()
            for currency, columns in names.items():
                sums = ", ".join(f"sum(rows.{name})" for name in columns)
                cursor.execute(
                    f"SELECT rows.{currency}, {sums} FROM {source} GROUP BY 1 ORDER BY 1",
                    parameters,
                )
                for one, *values in cursor.fetchall():
                    for name, value in zip(columns, values, strict=True):
                        if value is not None:
                            amounts.setdefault(name, {})[one] = int(value)
        return Totals(rows, amounts)

    def source(self, scope: Scope) -> Query:
        """The rows as Postgres has them, for a FROM, as ``rows``."""
        sql, parameters = self.rows(scope)
        if scope.currency and any(column.name == "currency" for column in self.columns):
            sql = f"SELECT * FROM ({sql}) AS every WHERE every.currency = %(currency)s"
        return f"({sql}) AS rows", {**scope.parameters, **parameters}


def cell(column: Column) -> str:
    """SQL for a column of ``rows`` as its file has it."""
    if column.kind is Kind.DECIMAL:
        return decimal_sql(f"rows.{column.name}_minor", f"rows.{column.currency}")
    return written(column.kind, f"rows.{column.name}")


def query(sql: str) -> Callable[[Scope], Query]:
    """Rows by SQL that takes the parameters of a scope."""
    return lambda scope: (sql, {})


def selection(
    queryset: Callable[[Scope], QuerySet[Any]], columns: Sequence[Column], order: Mapping[str, str]
) -> Callable[[Scope], Query]:
    """Rows by a queryset, which the columns say where to find in; ``order`` gives further values
    to order by, each by its name."""
    values = [column for column in columns if column.kind is not Kind.DECIMAL]
    names = ", ".join([*(column.name for column in values), *order])

    def rows(scope: Scope) -> Query:
        selected = (
            queryset(scope)
            .order_by()
            .values_list(
                *(column.value for column in values if column.value is not None),
                *(F(path) for path in order.values()),
            )
        )
        with connection.cursor() as cursor:
            sql = cursor.mogrify(*selected.query.sql_with_params())
        return f"SELECT * FROM ({sql.replace('%', '%%')}) AS found ({names})", {}

    return rows
