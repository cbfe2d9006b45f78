"""Restoring a backup into an empty database, and seeing that all of it has come back."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from release.backup.contents import Contents, contents_of, differences, tables_of
from release.backup.database import BackupError, Database
from release.backup.files import Backup
from release.backup.taking import FORMAT, Say, Words, major_of
from release.backup.tools import Tools, tools_for

# pg_restore from 17 on sets what older servers don't know, and goes on.
UNKNOWN_TO_OLDER = 'unrecognized configuration parameter "transaction_timeout"'
AT_ONCE = 4  # tables and indexes that are restored side by side


@dataclass(frozen=True)
class Restored:
    """What a restore came to."""

    contents: Contents
    restore_seconds: float
    compare_seconds: float
    differences: list[str]


def restore(
    backup: Backup,
    into: Database,
    *,
    say: Say = lambda text: None,
    progress: Say = lambda text: None,
) -> Restored:
    """Restore the backup into an empty database; compare every table with what was counted then.

    Raises:
        BackupError: the backup isn't what was written, the database isn't empty, or pg_restore
            failed: what it did until then is still there.
    """
    say(f"Checking {backup.name} against its checksums")
    backup.check(lambda done, total: progress(f"{done * 100 // max(total, 1)} %"))
    manifest = backup.read_manifest()
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{backup.manifest} is of a format that this version doesn't read.")
    expected = Contents.from_json(manifest)
    began = time.monotonic()
    with into.connect() as connection:
        if there := tables_of(connection):
            names = ", ".join(name for _, name in there[:3])
            raise BackupError(
                f"{into.name} isn't empty: it has {len(there)} tables ({names} …). "
                "A backup is restored only into an empty database."
            )
        written_with = int(manifest["pg_dump"].partition(".")[0])
        server = major_of(connection)
        tools = tools_for(server, at_least=written_with)
    say(f"Restoring into {into.name} with pg_restore {tools.version}")
    _restore(backup, into, tools, server)
    with into.connect() as connection:
        connection.execute("ANALYZE")  # a dump has no statistics, and every plan needs them
    restored = time.monotonic()
    say(f"Comparing {len(expected.tables)} tables and {expected.rows:,} rows with the source")

    def count(done: int, total: int) -> None:
        progress(f"{done} of {total} tables" if done < total else "")

    with into.connect() as connection:
        found = contents_of(connection, count)
    return Restored(
        found, restored - began, time.monotonic() - restored, differences(expected, found)
    )


def _restore(backup: Backup, into: Database, tools: Tools, server: int) -> None:
    # Where one error is expected it can't stop at the first; any other one is one all the same.
    strict = tools.major < 17 or server >= 17
    command = [tools.pg_restore, "--no-owner", "--no-privileges", "--no-password"]
    command += [f"--jobs={min(AT_ONCE, os.cpu_count() or 1)}", f"--dbname={into.argument}"]
    command += ["--exit-on-error"] if strict else []
    popen = subprocess.Popen(
        [*command, str(backup.dump)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=into.environment,
    )
    assert popen.stderr is not None
    words = Words(popen.stderr)
    try:
        popen.wait()
        words.join()
        errors = [line for line in words.last if "error:" in line and UNKNOWN_TO_OLDER not in line]
        if errors or (popen.returncode and strict):
            raise BackupError(words.why("pg_restore failed"))
    finally:
        popen.kill()
        popen.wait()
        popen.stderr.close()
