"""A database as its own tools reach it, beside Django's connection and its transaction."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

KEYWORDS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
# A tool that waits for a server which is gone waits for minutes otherwise.
CONNECT_TIMEOUT = 10


class BackupError(RuntimeError):
    """A backup, a restore or a drill went wrong; the message says what, in words for a person."""


@dataclass(frozen=True)
class Database:
    """Where a database is; ``parameters`` are libpq's."""

    parameters: Mapping[str, Any]

    @classmethod
    def current(cls) -> Database:
        """The one that Django is connected to."""
        found = connection.get_connection_params()
        return cls(
            {"connect_timeout": CONNECT_TIMEOUT, "application_name": "countinghouse backup"}
            | {key: value for key, value in found.items() if key in KEYWORDS}
        )

    @property
    def name(self) -> str:
        return str(self.parameters["dbname"])

    def named(self, name: str) -> Database:
        """Another database of the same server."""
        return Database({**self.parameters, "dbname": name})

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of its own. ``with`` closes it.

        Raises:
            BackupError: there is no such database, or no server.
        """
        try:
            return psycopg.connect(make_conninfo(**self.parameters), autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise BackupError(f"{self.name} can't be connected to: {first_line(error)}") from None

    @property
    def argument(self) -> str:
        """For a tool's command line, which everybody on the machine may read: no password."""
        return make_conninfo(**{k: v for k, v in self.parameters.items() if k != "password"})

    @property
    def environment(self) -> dict[str, str]:
        """For a tool's process: the password, if there is one, and words in English."""
        password = self.parameters.get("password")
        secret = {"PGPASSWORD": str(password)} if password else {}
        return {**os.environ, "LC_MESSAGES": "C", **secret}

    def url_like(self, url: str) -> str:
        """The ``DATABASE_URL`` of this database, where that of another one of its server is."""
        address, mark, options = url.partition("?")
        return f"{address.rpartition('/')[0]}/{quote(self.name, safe='')}{mark}{options}"


def first_line(error: BaseException) -> str:
    """What an error of the database says, without the lines that only point at the place."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
