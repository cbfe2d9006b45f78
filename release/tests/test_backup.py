"""A backup is whole or isn't there, and what comes back from it is compared with what it was."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from release.backup import taking
from release.backup.contents import contents_of, differences
from release.backup.database import BackupError, Database
from release.backup.files import Backup, backups_in, newest_in
from release.backup.restoring import restore
from release.backup.taking import take, write
from release.backup.tools import tools_for
from release.tests.postgres import MakeDatabase, database_called, shop

__all__ = ["database_called", "shop"]

NOW = datetime(2026, 3, 1, 2, 41, tzinfo=UTC)


def backup_of(database: Database, folder: Path, *, at: datetime = NOW, keep: int = 9) -> Backup:
    return write(Backup.at(folder, database.name, at), database, keep).backup


def sign_anew(backup: Backup) -> None:
    """Checksums for whatever is there now, as somebody who knows how may make them."""
    backup.checksums.write_text(
        "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in (backup.dump, backup.manifest)
        )
    )


def test_a_restored_backup_is_what_the_database_was_when_it_was_taken(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup = backup_of(shop, tmp_path)
    with shop.connect() as source:
        source.execute("UPDATE orders SET total = 1")

    restored = restore(backup, database_called("copy"))

    assert restored.differences == []
    assert restored.contents.rows == 506
    assert restored.contents.tables.keys() == {"orders", "notes", "other.orders"}
    with database_called("copy2").connect() as empty:
        assert "orders: the table is missing (500 rows)" in differences(
            restored.contents, contents_of(empty)
        )


def test_dump_and_count_are_of_the_same_moment(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup = Backup.at(tmp_path, shop.name, NOW)
    with taking.snapshot_of(shop) as (counting, snapshot):
        with shop.connect() as writer:
            writer.execute("INSERT INTO notes VALUES ('late'); DELETE FROM other.orders")
        tools = tools_for(taking.major_of(counting))
        counted = taking._dump(shop, backup.dump, tools, counting, snapshot, lambda text: None)
    assert counted.tables["notes"].count == 4
    copy = database_called("copy")
    command = [tools.pg_restore, f"--dbname={copy.argument}", str(backup.dump)]
    subprocess.run(command, check=True, env=copy.environment)
    with copy.connect() as found:
        assert differences(counted, contents_of(found)) == []


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE orders SET total = total + 1 WHERE id = 77", "orders: 500 rows as before, but"),
        ("UPDATE orders SET placed = placed + interval '1 us' WHERE id = 5", "orders: 500 rows as"),
        ("UPDATE orders SET number = number || ' ' WHERE id = 5", "orders: 500 rows as before"),
        ("DELETE FROM orders WHERE id = 500", "orders: 500 rows became 499"),
        ("INSERT INTO other.orders VALUES (2)", "other.orders: 2 rows became 3"),
        ("UPDATE notes SET text = '' WHERE text IS NULL", "notes: 4 rows as before, but not the"),
        ("DROP TABLE other.orders", "other.orders: the table is missing"),
        ("CREATE TABLE more ()", "more: the table wasn't in the backup"),
        ("DROP TRIGGER append_only ON notes", "triggers: the kind is missing (1 objects)"),
        ("ALTER TABLE notes DISABLE TRIGGER append_only", "triggers: 1 objects as before, but"),
        ("DROP INDEX orders_placed", "indexes: 3 objects became 2"),
        ("ALTER TABLE orders DROP CONSTRAINT orders_total_check", "constraints: 3 objects became"),
        ("DROP VIEW recent", "views: the kind is missing"),
    ],
)
def test_whatever_differs_in_a_copy_is_found(
    shop: Database, statement: str, difference: str
) -> None:
    with shop.connect() as connection:
        before = contents_of(connection)
        assert differences(before, contents_of(connection)) == []
        connection.execute(statement)
        found = differences(before, contents_of(connection))
    assert [line for line in found if line.startswith(difference)], found


def test_a_digest_is_not_fooled_by_rows_that_change_places_or_come_twice(shop: Database) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE TABLE pairs (a text, b text)")
        digests = set()
        for rows in ("('1','2'),('3','4')", "('1','4'),('3','2')", "('1','2'),('1','2')"):
            connection.execute(f"DELETE FROM pairs; INSERT INTO pairs VALUES {rows}")
            digests.add(contents_of(connection).tables["pairs"].digest)
        assert len(digests) == 3
        connection.execute("DELETE FROM pairs; INSERT INTO pairs VALUES ('3','4'), ('1','2')")
        assert contents_of(connection).tables["pairs"].digest in digests  # whatever the order


def test_a_backup_that_was_altered_or_cut_off_is_refused(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup, copy = backup_of(shop, tmp_path), database_called("copy")
    dump, manifest, checksums = (
        path.read_bytes() for path in (backup.dump, backup.manifest, backup.checksums)
    )

    def refused(why: str) -> None:
        with pytest.raises(BackupError, match=why):
            restore(backup, copy)
        with copy.connect() as found:
            assert contents_of(found).tables == {}
        backup.dump.write_bytes(dump)
        backup.manifest.write_bytes(manifest)
        backup.checksums.write_bytes(checksums)

    backup.dump.write_bytes(dump[:-1] + bytes([dump[-1] ^ 1]))
    refused("isn't what was written")
    backup.dump.write_bytes(dump[: len(dump) // 2])
    refused("isn't what was written")
    backup.manifest.write_bytes(manifest.replace(b'"count": 500', b'"count": 499'))
    refused("isn't what was written")
    backup.checksums.unlink()
    refused("no checksums")
    backup.checksums.write_text("")
    refused("says nothing of")
    backup.manifest.unlink()
    refused("can't be read")
    assert restore(backup, copy).differences == []


def test_a_dump_that_was_cut_off_and_given_new_checksums_does_not_pass(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup = backup_of(shop, tmp_path)
    dump = backup.dump.read_bytes()
    backup.dump.write_bytes(dump[: len(dump) * 2 // 3])
    sign_anew(backup)
    with pytest.raises(BackupError, match=r"pg_restore failed: .*error"):
        restore(backup, database_called("copy"))


def test_another_dump_under_new_checksums_is_told_from_what_was_counted(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup = backup_of(shop, tmp_path)
    with shop.connect() as source:
        source.execute("UPDATE orders SET total = 0 WHERE number = 'A-7'")
    later = backup_of(shop, tmp_path / "later")
    backup.dump.write_bytes(later.dump.read_bytes())
    sign_anew(backup)
    assert restore(backup, database_called("copy")).differences == [
        "orders: 500 rows as before, but not the same ones"
    ]


def test_a_database_that_is_not_empty_is_left_alone(
    shop: Database, database_called: MakeDatabase, tmp_path: Path
) -> None:
    backup, other = backup_of(shop, tmp_path), database_called("other")
    with other.connect() as connection:
        connection.execute("CREATE TABLE precious AS SELECT 1 AS id")
    with pytest.raises(BackupError, match=r"isn't empty: it has 1 tables \(precious"):
        restore(backup, other)
    with other.connect() as connection:
        assert contents_of(connection).tables.keys() == {"precious"}


def test_only_the_newest_are_kept_and_nothing_of_others(shop: Database, tmp_path: Path) -> None:
    for name in ("elsewhere-20200101T000000Z.dump", f"{shop.name}.dump", "notes.txt"):
        (tmp_path / name).write_text("theirs")
    taken = [backup_of(shop, tmp_path, at=NOW + timedelta(days=day), keep=2) for day in range(3)]
    assert backups_in(tmp_path, shop.name) == [taken[2], taken[1]]
    assert newest_in(tmp_path, shop.name) == taken[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [
            *(path.name for one in taken[1:] for path in (one.dump, one.manifest, one.checksums)),
            "elsewhere-20200101T000000Z.dump",
            f"{shop.name}.dump",
            "notes.txt",
        ]
    )
    with pytest.raises(BackupError, match="There is no backup of nothing"):
        newest_in(tmp_path, "nothing")


def test_files_are_private_and_checksums_are_the_usual_ones(shop: Database, tmp_path: Path) -> None:
    backup = backup_of(shop, tmp_path / "new")
    assert stat.S_IMODE(backup.dump.parent.stat().st_mode) == 0o700
    for path in (backup.dump, backup.manifest, backup.checksums):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    subprocess.run(
        ["sha256sum", "--check", "--strict", backup.checksums.name],
        cwd=backup.dump.parent,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    manifest = json.loads(backup.manifest.read_text())
    assert manifest["tables"]["orders"]["count"] == 500
    assert manifest["taken_at"] == NOW.isoformat()


def test_the_password_is_on_no_command_line() -> None:
    database = Database({"host": "db", "user": "app", "password": "se cret", "dbname": "shop"})
    assert "se cret" not in database.argument
    assert database.environment["PGPASSWORD"] == "se cret"
    copy = database.named("co py")
    assert copy.url_like("postgres://app:x@db:5432/shop?sslmode=require") == (
        "postgres://app:x@db:5432/co%20py?sslmode=require"
    )
    assert copy.url_like("postgres://app@//run/postgresql/shop") == (
        "postgres://app@//run/postgresql/co%20py"
    )


def test_what_a_killed_backup_left_is_swept_by_the_next(shop: Database, tmp_path: Path) -> None:
    left = Backup.at(tmp_path, shop.name, NOW - timedelta(days=1)).partial
    left.write_text("half")
    of_another = Backup.at(tmp_path, f"{shop.name}-eu", NOW).partial
    of_another.write_text("under way")
    with taking.snapshot_of(shop), pytest.raises(BackupError, match="Another backup of"):
        backup_of(shop, tmp_path)
    assert left.exists()  # that of the other one
    backup_of(shop, tmp_path)
    assert not left.exists()
    assert of_another.exists()


def test_a_backup_is_none_the_worse_for_an_old_one_that_stays(
    shop: Database, tmp_path: Path
) -> None:
    old = backup_of(shop, tmp_path)
    old.dump.unlink()
    old.dump.mkdir()  # which no file is deleted as, not even by root
    new = backup_of(shop, tmp_path, at=NOW + timedelta(days=1), keep=1)
    assert newest_in(tmp_path, shop.name) == new
    assert old.dump.exists()


def test_a_failed_backup_leaves_a_trace_and_no_file(
    transactional_db: None, settings: Settings, tmp_path: Path
) -> None:
    # A disk that is full after a few bytes, as far as pg_dump can tell.
    with Database.current().connect() as connection:
        real = tools_for(taking.major_of(connection))
    small = tmp_path / "bin"
    small.mkdir()
    for name, limit in (("pg_dump", "trap '' XFSZ; ulimit -f 1;"), ("pg_restore", "")):
        script = small / name
        script.write_text(f'#!/bin/sh\n{limit} exec {real.folder}/{name} "$@"\n')
        script.chmod(0o755)
    settings.PG_BIN = str(small)

    with pytest.raises(CommandError, match=r"pg_dump failed: .*File too large"):
        call_command("backup", to=str(tmp_path / "backups"))

    assert list((tmp_path / "backups").iterdir()) == []
    trace = AuditEvent.objects.get(action="backup.failed")
    assert "File too large" in trace.reason
    assert trace.actor_name == "job:backup"
    assert not AuditEvent.objects.filter(action="backup.succeeded").exists()


def test_a_folder_that_cannot_be_is_told_in_one_line(
    transactional_db: None, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError, match="Not a directory"):
        take(tmp_path / "file" / "backups", keep=1)
    assert AuditEvent.objects.get(action="backup.failed").reason


def test_nothing_is_kept_is_refused_and_so_is_nowhere(settings: Settings, tmp_path: Path) -> None:
    settings.BACKUP_DIR = ""
    for command in ("backup", "restore", "restore_drill"):
        with pytest.raises(CommandError, match="Say w"):
            call_command(command)
    with pytest.raises(CommandError, match="At least one"):
        call_command("backup", to=str(tmp_path), keep=0)
