"""A small database as an earlier version left it, which a test upgrades to today's.

Two files each: ``VERSION.sql.gz``, a plain dump that any Postgres from 15 on loads, and
``VERSION.json``, what that version itself said of it: its figures, its open issues and the head of
its audit log. The old version is asked by its commands alone, so nothing here knows its tables.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from release.backup.database import Database
from release.backup.scratch import scratch_database
from release.backup.taking import major_of
from release.backup.tools import tools_for

FOLDER = Path(settings.BASE_DIR) / "release" / "tests" / "upgrade"
ORDERS = 40
PACK = "finance"  # the export whose sums are the figures that an upgrade may not change
# What psql alone understands, and what servers before 17 don't know.
NOT_EVERYWHERE = re.compile(
    rb"^(?:\\(?:un)?restrict .*|SET transaction_timeout .*)\n", re.MULTILINE
)
TOLD = {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "VIRTUAL_ENV"}

Say = Callable[[str], None]


class NotMade(RuntimeError):
    """The fixture can't be made; the message says why."""


@dataclass(frozen=True)
class Fixture:
    """What an earlier version left, and what it said of it then."""

    version: str
    commit: str
    made_at: datetime
    # Of each file of the pack: its rows, and what each column of money adds up to, by currency.
    figures: Mapping[str, Any]
    issues: list[str]  # open ones, as check and subject
    audit_head: str

    @classmethod
    def read(cls, file: Path) -> Fixture:
        """The fixture of a ``VERSION.json``."""
        told = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{**told, "made_at": datetime.fromisoformat(told["made_at"])})

    def write(self, folder: Path) -> None:
        told = asdict(self) | {"made_at": self.made_at.isoformat()}
        text = json.dumps(told, indent=1, ensure_ascii=False)
        (folder / f"{self.version}.json").write_text(f"{text}\n", encoding="utf-8")


def figures_of(manifest: Path) -> dict[str, Any]:
    """Rows and sums of each file of an exported pack, by its ``manifest.json``."""
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return {each["name"]: {"rows": each["rows"], "sums": each["sums"]} for each in files}


def load(dump: Path, into: Database) -> None:
    """Load the dump into an empty database."""
    with into.connect() as connection:
        connection.execute(gzip.decompress(dump.read_bytes()))
        connection.execute("ANALYZE")


def make(
    version: str,
    commit: str,
    *,
    orders: int = ORDERS,
    folder: Path = FOLDER,
    say: Say = lambda text: None,
) -> Fixture:
    """Check out ``commit``, seed a database of its own with its code, ask it, and dump that.

    It runs on this environment's packages, so they must still suit that commit.

    Raises:
        NotMade: there is no such commit, or one of its commands failed.
        BackupError: there is no pg_dump for this server, or no database can be made.
    """
    full = git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    with TemporaryDirectory(prefix="upgrade-", ignore_cleanup_errors=True) as name:
        tree = Path(name) / "tree"
        with tarfile.open(fileobj=BytesIO(git("archive", full))) as archive:
            archive.extractall(tree, filter="data")
        with scratch_database(Database.current(), "upgrade_fixture") as database:
            url = database.url_like(settings.DATABASE_URL)
            old = Old(tree, url, data=Path(name) / "data")
            say(f"Seeding a database of {full[:12]}")
            old.manage("migrate", "--no-input", "--verbosity", "0")
            old.manage("seed_demo", "--orders", str(orders))
            say("Asking it for its figures")
            old.manage("export", PACK, "--all", "--out", str(Path(name) / PACK))
            run = json.loads(old.manage("run_checks", "--format", "json"))
            old.manage("seal_audit")
            made = Fixture(
                version=version,
                commit=full,
                made_at=timezone.now().replace(microsecond=0),
                figures=figures_of(Path(name) / PACK / "manifest.json"),
                issues=sorted(f"{i['check']} {i['subject_id']}" for i in run["issues"]),
                audit_head=old.manage("verify_audit", "--head").strip(),
            )
            say("Dumping it")
            dump = dump_of(database)
    folder.mkdir(parents=True, exist_ok=True)
    # Without the time, so that the same rows are the same file.
    (folder / f"{version}.sql.gz").write_bytes(gzip.compress(dump, 9, mtime=0))
    made.write(folder)
    return made


@dataclass(frozen=True)
class Old:
    """The earlier version: its tree, on a database of its own."""

    tree: Path
    url: str
    data: Path

    def manage(self, *arguments: str) -> str:
        """What its ``manage.py`` prints.

        Raises:
            NotMade: it failed.
        """
        kept = {name: value for name, value in os.environ.items() if name in TOLD}
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.tree,
            env=kept | {"DATABASE_URL": self.url, "COUNTINGHOUSE_DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotMade(f"{arguments[0]} of that commit failed:\n{done.stderr.strip()}")
        return done.stdout


def dump_of(database: Database) -> bytes:
    """The database as SQL, with rows as INSERTs, which any client can send."""
    with database.connect() as connection:
        tools = tools_for(major_of(connection))
    done = subprocess.run(
        [
            tools.pg_dump,
            "--no-owner",
            "--no-privileges",
            "--no-password",
            "--rows-per-insert=500",
            database.argument,
        ],
        env=database.environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise NotMade(f"pg_dump failed: {done.stderr.decode(errors='replace').strip()}")
    return NOT_EVERYWHERE.sub(b"", done.stdout)


def git(*arguments: str) -> bytes:
    """What git says in this tree.

    Raises:
        NotMade: it refuses, or there is no git, or no history.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=settings.BASE_DIR, capture_output=True, check=False
        )
    except OSError as error:
        raise NotMade(f"git: {error.strerror}") from None
    if done.returncode:
        raise NotMade(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
