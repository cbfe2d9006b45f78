"""Taking a backup: a dump, what was in the database as the dump saw it, and checksums of both."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import IO, Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from psycopg import Connection
from psycopg.errors import Error

from auditlog import sealing, verification
from auditlog import services as audit
from auditlog.actions import BACKUP_FAILED, BACKUP_SUCCEEDED
from auditlog.sealing import Head
from release.backup.contents import Contents, contents_of, tables_of
from release.backup.database import BackupError, Database, first_line
from release.backup.files import Backup, backups_in, partials_in, sha256, sync_folder, write_whole
from release.backup.tools import Tools, tools_for

logger = logging.getLogger(__name__)

FORMAT = 1  # of the manifest
DUMPING = re.compile(r"dumping contents of table")
PREPARE = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a backup would do."""

    backup: Backup
    server: str
    tools: Tools
    database_bytes: int
    free_bytes: int
    tables: int
    to_delete: list[Backup]


@dataclass(frozen=True)
class Taken:
    """A backup that was taken."""

    backup: Backup
    contents: Contents
    bytes: int
    sha256: str
    seconds: float
    deleted: list[Backup]


def plan(folder: Path, *, keep: int, now: datetime | None = None) -> Plan:
    """What ``take`` would do, as far as can be told without doing it.

    Raises:
        BackupError: it would fail, with the reason.
    """
    if keep < 1:
        raise BackupError("At least one backup must be kept.")
    database = Database.current()
    there = folder
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        raise BackupError(f"{there} can't be written to.")
    with database.connect() as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (
            0,
        )
        return Plan(
            backup=Backup.at(folder, database.name, now or timezone.now()),
            server=server_of(connection),
            tools=tools_for(major_of(connection)),
            database_bytes=size,
            free_bytes=shutil.disk_usage(there).free,
            tables=len(tables_of(connection)),
            # The one that is taken is among those that are kept.
            to_delete=backups_in(folder, database.name)[keep - 1 :],
        )


def take(
    folder: Path,
    *,
    keep: int,
    now: datetime | None = None,
    say: Say = lambda text: None,
    progress: Say = lambda text: None,
) -> Taken:
    """Write a backup of the current database into ``folder``; delete all but the newest ``keep``.

    The audit log says what came of it, a failure too. ``say`` is told each step, ``progress`` how
    far it is.

    Raises:
        BackupError: no backup was written; nothing half done has the name of one.
    """
    if keep < 1:
        raise BackupError("At least one backup must be kept.")
    database = Database.current()
    backup = Backup.at(folder, database.name, now or timezone.now())
    try:
        # Kept outside the database, it tells a log that was rewritten whole from what it was.
        sealing.seal()
        taken = write(backup, database, keep, head=verification.head(), say=say, progress=progress)
    except (BackupError, DatabaseError, Error, OSError) as error:
        reason = str(error) if isinstance(error, BackupError) else first_line(error)
        _leave_trace(backup, reason)
        raise BackupError(reason) from error
    with transaction.atomic():
        audit.record(
            BACKUP_SUCCEEDED,
            after={
                "file": backup.name,
                "bytes": taken.bytes,
                "sha256": taken.sha256,
                "tables": len(taken.contents.tables),
                "rows": taken.contents.rows,
                "seconds": round(taken.seconds, 1),
                "deleted": [old.name for old in taken.deleted],
            },
        )
    return taken


def _leave_trace(backup: Backup, reason: str) -> None:
    try:
        with transaction.atomic():
            audit.record(BACKUP_FAILED, reason=reason, after={"file": backup.name})
    except DatabaseError as error:  # the log is all there is then
        logger.error(
            "The backup failed (%s), and the database doesn't take note: %s", reason, error
        )


def write(
    backup: Backup,
    database: Database,
    keep: int,
    *,
    head: Head | None = None,
    say: Say = lambda text: None,
    progress: Say = lambda text: None,
) -> Taken:
    """Write the files of a backup of ``database``, and delete what is beyond ``keep`` of them.

    ``head`` is the audit log's newest seal, for the manifest.

    Raises:
        BackupError, Error, OSError: none was written, or another one is being written.
    """
    began = time.monotonic()
    folder = backup.dump.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with snapshot_of(database) as (connection, snapshot):
        tools = tools_for(major_of(connection))
        for leftover in partials_in(folder, database.name):
            leftover.unlink()
        if backup.dump.exists():
            raise BackupError(f"{backup.dump} is there already.")
        server = server_of(connection)
        say(f"Dumping {database.name} of PostgreSQL {server} with pg_dump {tools.version}")
        try:
            contents = _dump(database, backup.partial, tools, connection, snapshot, progress)
            _see_readable(tools, backup.partial, len(contents.tables))
            say(f"Writing checksums of {backup.partial.stat().st_size:,} bytes")
            manifest = {
                "format": FORMAT,
                "database": database.name,
                "taken_at": backup.taken_at.isoformat(),
                "server": server,
                "pg_dump": tools.version,
                "bytes": backup.partial.stat().st_size,
                "audit_head": str(head) if head else None,
                **contents.as_json(),
            }
            write_whole(backup.manifest, json.dumps(manifest, indent=1) + "\n")
            digest = sha256(backup.partial)
            write_whole(
                backup.checksums,
                f"{digest}  {backup.name}\n{sha256(backup.manifest)}  {backup.manifest.name}\n",
            )
            backup.partial.replace(backup.dump)
            sync_folder(folder)
        except BaseException:
            for path in (backup.partial, backup.dump, backup.manifest, backup.checksums):
                path.unlink(missing_ok=True)
            raise
    size = backup.dump.stat().st_size
    seconds = time.monotonic() - began
    deleted = delete_all(backups_in(folder, database.name)[keep:])
    return Taken(backup, contents, size, digest, seconds, deleted)


def delete_all(backups: list[Backup]) -> list[Backup]:
    """Delete them; those that could be. What one can't doesn't make the new one worse."""
    deleted = []
    for old in backups:
        try:
            old.delete()
        except OSError as error:
            logger.error("The old backup %s can't be deleted: %s", old.name, error)
        else:
            deleted.append(old)
    return deleted


@contextmanager
def snapshot_of(database: Database) -> Iterator[tuple[Connection[Any], str]]:
    """A connection that sees the database as of one moment, and that moment's name for others.

    Raises:
        BackupError: another backup of this database is being taken.
    """
    with database.connect(autocommit=False) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(PREPARE)
        key = "SELECT pg_try_advisory_xact_lock(hashtextextended('release.backup', 1))"
        (alone,) = connection.execute(key).fetchone() or (False,)
        if not alone:
            raise BackupError(f"Another backup of {database.name} is being taken.")
        (name,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        yield connection, name


def _dump(
    database: Database,
    path: Path,
    tools: Tools,
    connection: Connection[Any],
    snapshot: str,
    progress: Say,
) -> Contents:
    """Have pg_dump write ``path``, and count meanwhile what it sees."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    command = [tools.pg_dump, "--format=custom", "--verbose", "--no-password"]
    command += [f"--snapshot={snapshot}", f"--file={path}", f"--dbname={database.argument}"]
    popen = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=database.environment,
    )
    assert popen.stderr is not None
    words = Words(popen.stderr)
    try:

        def count(done: int, total: int) -> None:
            progress(f"{words.dumped} of {total} tables dumped, {done} counted")
            if popen.poll():  # no need to count for a dump that has failed
                raise BackupError(words.why("pg_dump failed"))

        contents = contents_of(connection, count)
        total = len(contents.tables)
        while popen.poll() is None:
            progress(f"{words.dumped} of {total} tables dumped, {total} counted")
            with suppress(subprocess.TimeoutExpired):
                popen.wait(0.2)
        if popen.returncode:
            raise BackupError(words.why("pg_dump failed"))
        return contents
    finally:
        popen.kill()
        popen.wait()
        words.join()
        popen.stderr.close()
        progress("")


class Words(Thread):
    """Reads what a tool says, so that it never waits to be read; keeps the last lines."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.dumped = 0
        self.last: deque[str] = deque(maxlen=200)
        self.start()

    def run(self) -> None:
        for line in self.stream:
            self.last.append(line.strip())
            self.dumped += bool(DUMPING.search(line))

    def why(self, what: str) -> str:
        """What went wrong, in the tool's words."""
        self.join(5)
        errors = [line for line in self.last if "error:" in line or "detail:" in line.lower()]
        said = "; ".join(errors[:3]) or "".join(list(self.last)[-1:]) or "no reason given"
        return f"{what}: {said}"


def _see_readable(tools: Tools, dump: Path, tables: int) -> None:
    """See that pg_restore reads the dump's table of contents, and every table's data are in it.

    Raises:
        BackupError: it doesn't, or they aren't.
    """
    listed = subprocess.run(
        [tools.pg_restore, "--list", dump], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        raise BackupError(f"The dump can't be read: {listed.stderr.strip()}")
    found = sum(" TABLE DATA " in line for line in listed.stdout.splitlines())
    if found != tables:
        raise BackupError(f"The dump holds the rows of {found} tables of {tables}.")


def major_of(connection: Connection[Any]) -> int:
    """The server's major version: 18 for 18.4."""
    return connection.info.server_version // 10_000


def server_of(connection: Connection[Any]) -> str:
    """The server's version as people write it: 18.4."""
    return f"{major_of(connection)}.{connection.info.server_version % 10_000}"
