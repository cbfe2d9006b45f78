"""The databases that are measured: on a server of their own, made once and kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from config import start

BASE_DIR = Path(__file__).resolve().parent.parent
SERVER = "bench-postgres"
# As in development, but without a checkpoint every few seconds of loading.
SETTINGS = start.SERVER_CONFIG + "max_wal_size = 4GB\n"
# Part of what makes a database fit for another run: what the generator writes, and how.
VERSION = 1
SCALES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
# The last days must have orders; older than this, a database is made anew.
FRESH_FOR = timedelta(days=7)
SECRET = "whsec_bench"
# What the generator makes, whatever the number of orders.
DAYS = 400
PRODUCTS = 1_000
EVENTS = 50_000  # at the most: what is older came before the inbox


def environment(database: str) -> dict[str, str]:
    """What a process of ours needs to work on the database; starts the server."""
    server = start.start(SERVER, settings=SETTINGS)
    return {
        **os.environ,
        "DATABASE_URL": start.database_url(server, database),
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "STRIPE_API_KEY": "",
        "PYTHONWARNINGS": "ignore",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def manage(env: dict[str, str], *arguments: str) -> str:
    """What the command prints.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def administration() -> psycopg.Connection:
    """A connection to the server itself."""
    server = start.start(SERVER, settings=SETTINGS)
    folder = str(server.get_postmaster_info().socket_dir)
    return psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)


def drop(database: str) -> None:
    """Delete the database if it is there, whoever is connected to it."""
    with administration() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def make(database: str) -> dict[str, str]:
    """A new, migrated, empty database in the place of any of that name; how to reach it."""
    env = environment(database)
    drop(database)
    with administration() as connection:
        connection.execute(f"CREATE DATABASE {database}")
    manage(env, "migrate", "--verbosity", "0")
    return env


def loaded(scale: str) -> dict[str, str]:
    """The database of that scale, made and filled unless it is there; how to reach it."""
    database = f"bench_{scale}"
    env = environment(database)
    if not fit(database):
        print(f"Making {database} …", file=sys.stderr, flush=True)
        make(database)
        command = [sys.executable, "-m", "bench.load", str(SCALES[scale])]
        subprocess.run(command, cwd=BASE_DIR, env=env, check=True)
        mark(database)
    elif manage(env, "migrate", "--plan").endswith("No planned migration operations."):
        return env
    manage(env, "migrate", "--verbosity", "0")
    return env


def fit(database: str) -> bool:
    """Whether the database is there, whole, of this version of the generator, and not too old."""
    with administration() as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [database],
        ).fetchone()
    version, _, made = str(row[0] if row else "").partition(" of ")
    with suppress(ValueError):
        return version == f"version {VERSION}" and today() - date.fromisoformat(made) < FRESH_FOR
    return False


def mark(database: str) -> None:
    """Say on the database that it is whole."""
    with administration() as connection:
        connection.execute(
            f"COMMENT ON DATABASE {database} IS 'version {VERSION} of {today().isoformat()}'"
        )


def today() -> date:
    return datetime.now(UTC).date()


def size(database: str) -> int:
    """Its size on the disk, in bytes."""
    with administration() as connection:
        row = connection.execute("SELECT pg_database_size(%s)", [database]).fetchone()
    assert row
    return int(row[0])
