"""What an earlier version left, brought to today's schema. How a fixture is made, and when an older
one may go: docs/release_process.md."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from analyticsapp.services import snapshots
from auditlog.context import acting_as, job
from auditlog.sealing import Head
from auditlog.verification import verify_whole
from monitoring.selectors import open_issues
from monitoring.services.runs import run_checks
from release.backup.contents import Part, contents_of
from release.backup.database import Database
from release.tests.postgres import MakeDatabase, database_called
from release.upgrade.fixture import FOLDER, PACK, Fixture, figures_of, load

__all__ = ["database_called"]


@contextmanager
def connected_to(database: Database) -> Iterator[None]:
    """Django's connection is one to this database; the test's own waits, in its transaction."""
    own = connections["default"]
    other = connections.create_connection("default")
    other.settings_dict = {**own.settings_dict, "NAME": database.name}
    connections["default"] = other
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        other.close()
        connections["default"] = own
        ContentType.objects.clear_cache()


def objects_of(database: Database) -> Mapping[str, Part]:
    """Columns, constraints, indexes, triggers, functions and views, as a count and digest each."""
    with database.connect() as reading:
        return contents_of(reading).objects


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_an_upgrade_keeps_figures_issues_and_the_audit_log(
    file: Path, database_called: MakeDatabase, tmp_path: Path
) -> None:
    before = Fixture.read(file)
    # Checks and figures are of the moment: some time after, as if the upgrade came then.
    now = before.made_at + timedelta(minutes=30)
    new = objects_of(Database.current())
    database = database_called("upgrade")
    load(file.with_suffix(".sql.gz"), database)

    with connected_to(database):
        assert connection.settings_dict["NAME"] == database.name
        call_command("migrate", verbosity=0, interactive=False)
        executor = MigrationExecutor(connection)
        assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
        assert objects_of(database) == new

        with acting_as(job("upgrade")):
            snapshots.refresh(now)  # as the workers do within a minute
            call_command("export", PACK, all=True, out=tmp_path / PACK)
            run = run_checks(now=now)
        found = figures_of(tmp_path / PACK / "manifest.json")
        assert {name: found.get(name) for name in before.figures} == before.figures

        assert run.crashed == 0
        after = sorted(f"{issue.check_name} {issue.subject_id}" for issue in open_issues())
        assert after == before.issues

        audit = verify_whole(against=Head.parse(before.audit_head))
        assert audit.sound, audit.faults
        assert audit.rows >= Head.parse(before.audit_head).last_id


def test_there_is_an_earlier_version_whose_dump_any_client_loads() -> None:
    files = sorted(FOLDER.glob("*.json"))
    assert files
    for file in files:
        dump = file.with_suffix(".sql.gz")
        text = gzip.decompress(dump.read_bytes())
        assert not [line for line in text.splitlines() if line.startswith(b"\\")]
        assert b"transaction_timeout" not in text
        assert dump.stat().st_size <= 200_000
