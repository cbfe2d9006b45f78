"""A database that is made for one purpose, a restore drill for one, and dropped after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Error, sql

from release.backup.database import BackupError, Database, first_line

DRILL = "restore_drill"
NAME_MAX = 63
# What isn't marked so was made by somebody else, and stays.
MARK = "Made by {purpose}, which drops it."


@contextmanager
def scratch_database(source: Database, purpose: str = DRILL) -> Iterator[Database]:
    """An empty database beside ``source``, with its encoding, named for ``purpose``; dropped in the
    end.

    What one that was killed left behind is dropped first.

    Raises:
        BackupError: another one is under way, the user may not make databases, or the name is taken
            by a database that wasn't made for this.
    """
    suffix = f"_{purpose}"
    mark = MARK.format(purpose=purpose)
    scratch = source.named(source.name[: NAME_MAX - len(suffix)] + suffix)
    with source.connect() as connection:
        # Held for as long as this connection is.
        key = "SELECT pg_try_advisory_lock(hashtextextended(%s, 1))"
        (alone,) = connection.execute(key, [f"release.{purpose}"]).fetchone() or (False,)
        if not alone:
            words = purpose.replace("_", " ")
            raise BackupError(f"Another {words} of {source.name} is under way.")
        _drop(connection, scratch, mark)
        _create(connection, scratch, mark)
        try:
            yield scratch
        finally:
            _drop(connection, scratch, mark)


def _create(connection: Connection[Any], scratch: Database, mark: str) -> None:
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
    connection.execute(comment.format(name, sql.Literal(mark)))


def _drop(connection: Connection[Any], scratch: Database, mark: str) -> None:
    found = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
        [scratch.name],
    ).fetchone()
    if found is None:
        return
    if found[0] != mark:
        raise BackupError(f"There is a database {scratch.name} already that wasn't made for this.")
    connection.execute(
        sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(scratch.name))
    )
