"""The pg_dump that is run is one that the server bears with."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from release.backup import tools
from release.backup.database import BackupError, Database
from release.backup.taking import major_of
from release.backup.tools import installed, tools_for


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Path:
    """A machine with the client programs of 15.4, 16.1 and 18.0, which say no more than that."""
    settings.PG_BIN = ""
    for version in ("18.0", "15.4", "16.1"):
        folder = tmp_path / version
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (folder / name).write_text(
                f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n"
            )
            (folder / name).chmod(0o755)
    folders = [tmp_path / "empty", *sorted(tmp_path.iterdir()), tmp_path / "15.4"]
    monkeypatch.setattr(tools, "INSTALLED", ())
    monkeypatch.setattr(tools, "EMBEDDED", "a_package_that_is_not_there")
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))
    return tmp_path


def test_the_servers_own_version_comes_first_and_then_the_next_newer(versions: Path) -> None:
    assert sorted(found.version for found in installed()) == ["15.4", "16.1", "18.0"]
    assert tools_for(15).version == "15.4"
    assert tools_for(16).pg_dump == str(versions / "16.1" / "pg_dump")
    assert tools_for(17).version == "18.0"
    assert (
        tools_for(15, at_least=16).version == "16.1"
    )  # what wrote the dump must be able to read it


def test_tools_older_than_the_server_are_refused_by_name(
    versions: Path, settings: Settings
) -> None:
    with pytest.raises(BackupError, match=r"PostgreSQL 19 or newer are needed.* only older ones"):
        tools_for(19)
    settings.PG_BIN = str(versions / "15.4")
    with pytest.raises(BackupError, match=r"\(15.4 in .*15.4\).* Install postgresql-client-16"):
        tools_for(16)
    settings.PG_BIN = str(versions / "empty")
    with pytest.raises(BackupError, match="there are none"):
        tools_for(16)


def test_debians_wrapper_is_passed_over(versions: Path) -> None:
    wrapper = versions / "pg_wrapper"
    wrapper.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.0'\n")
    wrapper.chmod(0o755)
    for name in ("pg_dump", "pg_restore"):
        (versions / "18.0" / name).unlink()
        (versions / "18.0" / name).symlink_to(wrapper)
    assert "17.0" not in {found.version for found in installed()}


def test_the_tests_own_server_has_its_tools(db: None) -> None:
    with Database.current().connect() as connection:
        major = major_of(connection)
    assert tools_for(major).major >= major
