"""The drill proves the newest backup, whole and real, and fails over any difference."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from psycopg import sql
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from auditlog.services import record
from monitoring.registry import get
from orders.models import Product
from release.backup import jobs
from release.backup.database import BackupError, Database
from release.backup.files import newest_in
from release.backup.scratch import DRILL, MARK, scratch_database
from release.tests.test_backup import sign_anew


def scratch_exists(source: Database) -> bool:
    with source.connect() as connection:
        found = connection.execute(
            "SELECT FROM pg_database WHERE datname = %s", [f"{source.name}_{DRILL}"]
        )
        return found.fetchone() is not None


def overdue(now: datetime) -> bool:
    """Whether the check would open an issue about missing backups."""
    check = get("backup_overdue")
    assert check is not None
    with transaction.atomic():
        return bool(list(check.find(now)))


def test_a_drill_restores_compares_verifies_and_checks_and_fails_over_a_difference(
    transactional_db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Database.current()
    with transaction.atomic():
        record("order.noted", reason="something to seal")
    product = Product.objects.create(name="Travel press", stock=2, created_at=timezone.now())
    call_command("backup", to=str(tmp_path), dry_run=True)
    assert list(tmp_path.iterdir()) == []
    assert overdue(timezone.now() + timedelta(days=9))
    call_command("backup", to=str(tmp_path))
    [succeeded] = AuditEvent.objects.filter(action="backup.succeeded")
    assert not overdue(succeeded.at + timedelta(hours=1))

    call_command("restore_drill", source=str(tmp_path))

    newest = newest_in(tmp_path, source.name)
    log = newest.log.read_text("utf-8")
    for words in (
        "tables hold the rows that they held",
        "$ manage.py verify_audit --unsealed-minutes=60 --against 1:",
        "sound",
        "$ manage.py run_checks",
        "No open issues.",
        "The drill succeeded",
    ):
        assert words in log
    assert "The drill succeeded" in capsys.readouterr().out
    drilled = AuditEvent.objects.get(action="restore_drill.succeeded")
    assert drilled.after["file"] == newest.name
    assert drilled.after["rows"] == succeeded.after["rows"]
    assert not scratch_exists(source)

    # A dump that isn't of what was counted, and somebody had been at the audit log.
    Product.objects.filter(pk=product.pk).update(stock=3)
    with source.connect() as connection:
        connection.execute(
            "SET session_replication_role = replica;"
            "UPDATE auditlog_auditevent SET reason = 'as it suits' WHERE action = 'order.noted'"
        )
    call_command("backup", to=str(tmp_path / "altered"))
    altered = newest_in(tmp_path / "altered", source.name)
    newest.dump.write_bytes(altered.dump.read_bytes())
    sign_anew(newest)

    with pytest.raises(CommandError) as refused:
        call_command("restore_drill", source=str(tmp_path))

    assert "orders_product: 1 rows as before, but not the same" in str(refused.value)
    assert "verify_audit exited with 1" in str(refused.value)
    assert "The drill FAILED" in newest.log.read_text("utf-8")
    failed = AuditEvent.objects.get(action="restore_drill.failed")
    assert "orders_product: 1 rows as before" in failed.reason
    assert not scratch_exists(source)


def test_a_backup_that_cannot_be_restored_fails_the_job_and_is_audited(
    transactional_db: None, settings: Settings, tmp_path: Path
) -> None:
    settings.BACKUP_DIR = str(tmp_path)
    jobs.backup()
    newest = newest_in(tmp_path, Database.current().name)
    newest.dump.write_bytes(newest.dump.read_bytes()[:-100])
    with pytest.raises(BackupError, match="isn't what was written"):
        jobs.restore_drill()
    assert AuditEvent.objects.get(action="restore_drill.failed").actor_name == "job:restore_drill"
    assert "isn't what was written" in newest.log.read_text("utf-8")
    assert not scratch_exists(Database.current())


def test_what_no_drill_made_is_not_dropped_and_what_one_left_is(db: None) -> None:
    source = Database.current()
    theirs = source.named(f"{source.name}_{DRILL}")
    name = sql.Identifier(theirs.name)
    with source.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            with (
                pytest.raises(BackupError, match="made for this"),
                scratch_database(source),
            ):
                pytest.fail("it went on")
            assert scratch_exists(source)
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    name, sql.Literal(MARK.format(purpose=DRILL))
                )
            )
            with scratch_database(source) as scratch:
                assert scratch.name == theirs.name
                with pytest.raises(BackupError, match="under way"), scratch_database(source):
                    pytest.fail("two at once")
            assert not scratch_exists(source)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def test_a_drill_without_a_backup_is_in_the_audit_log(
    transactional_db: None, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="There is no backup"):
        call_command("restore_drill", source=str(tmp_path))
    assert "no backup" in AuditEvent.objects.get(action="restore_drill.failed").reason
