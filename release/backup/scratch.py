"""A database that is made for a restore, and dropped after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Error, sql

from release.backup.database import BackupError, Database, first_line

SUFFIX = "_restore_drill"
NAME_MAX = 63
# What isn't marked so was made by somebody else, and stays.
MARK = "Made by restore_drill, which drops it."


@contextmanager
def scratch_database(source: Database) -> Iterator[Database]:
    """An empty database beside ``source``, with its encoding; dropped in the end.

    What a drill that was killed left behind is dropped first.

    Raises:
        BackupError: another drill is under way, the user may not make databases, or the name is
            taken by a database that no drill made.
    """
    scratch = source.named(source.name[: NAME_MAX - len(SUFFIX)] + SUFFIX)
    with source.connect() as connection:
        # Held for as long as this connection is.
        key = "SELECT pg_try_advisory_lock(hashtextextended('release.restore_drill', 1))"
        (alone,) = connection.execute(key).fetchone() or (False,)
        if not alone:
            raise BackupError(f"Another restore drill of {source.name} is under way.")
        _drop(connection, scratch)
        _create(connection, scratch)
        try:
            yield scratch
        finally:
            _drop(connection, scratch)


def _create(connection: Connection[Any], scratch: Database) -> None:
    (encoding,) = connection.execute(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    ).fetchone() or ("UTF8",)
    name = sql.Identifier(scratch.name)
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}")
    try:
        connection.execute(create.format(name, sql.Literal(encoding)))
    except Error as error:
        raise BackupError(f"{scratch.name} can't be made: {first_line(error)}") from None
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(comment.format(name, sql.Literal(MARK)))


def _drop(connection: Connection[Any], scratch: Database) -> None:
    found = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
        [scratch.name],
    ).fetchone()
    if found is None:
        return
    if found[0] != MARK:
        raise BackupError(f"There is a database {scratch.name} already that no drill made.")
    connection.execute(
        sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(scratch.name))
    )
