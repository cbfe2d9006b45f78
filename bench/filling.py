"""Filling a model's table from one query: what the query doesn't say is the model's default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models
from django.db.models import GeneratedField

INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid = %s::regclass AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conindid = indexrelid
)
"""


def default_of(field: models.Field[Any, Any]) -> str | None:
    """SQL for the field's default; None where the column must be given, or is made by itself."""
    if isinstance(field, models.AutoField | GeneratedField):
        return None
    if field.has_default():
        value = field.get_default()
        if isinstance(value, bool | int):
            return str(value).lower()
        if isinstance(field, models.JSONField):
            return f"'{json.dumps(value)}'"
        return "'{}'" if isinstance(value, list) else f"'{value}'"
    if field.null:
        return "NULL"
    return "''" if field.blank else None


def fill(model: type[models.Model], query: str, **given: str) -> int:
    """Insert a row for each of the query's; ``given`` are SQL expressions by column, the others
    have their defaults. How many rows that was.

    The query begins with FROM. Indexes are made afterwards, which is several times as fast.
    """
    columns: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        column = str(field.column)
        value = given.pop(column, None) or default_of(field)
        if value is not None:
            columns[column] = value
    if given:
        raise ValueError(f"{model._meta.label} has no {', '.join(given)}")
    table = model._meta.db_table
    with connection.cursor() as cursor, without_indexes(table):
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
            + query
        )
        return int(cursor.rowcount)


@contextmanager
def without_indexes(table: str) -> Iterator[None]:
    """The table has only the indexes of its constraints meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in indexes:
            cursor.execute(definition)


def restart_ids(model: type[models.Model]) -> None:
    """Let the table's next row have the id after the last."""
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "
            f"greatest(max({column}), 1)) FROM {table}"
        )
