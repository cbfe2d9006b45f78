"""The files of a backup, in one folder.

``<database>-<time>.dump`` is the dump, ``….json`` its manifest, ``….sha256`` the checksums of both,
as ``sha256sum --check`` reads them, ``….drill.log`` what the last drill saw. The dump gets its name
last, so whatever has that name is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from release.backup.database import BackupError

NAME = re.compile(r"(?P<database>.+)-(?P<at>\d{8}T\d{6}Z)\.dump")
LEFT = re.compile(r"(?P<database>.+)-\d{8}T\d{6}Z\.(dump|json|sha256)\.partial")
TIME = "%Y%m%dT%H%M%SZ"
PARTIAL = ".partial"
BLOCK = 1 << 20


@dataclass(frozen=True, order=True)
class Backup:
    """One backup, by the path of its dump."""

    dump: Path

    @classmethod
    def at(cls, folder: Path, database: str, moment: datetime) -> Backup:
        """The backup of ``database`` that is taken at ``moment``."""
        time = moment.astimezone(UTC).strftime(TIME)
        return cls(folder / f"{quote(database, safe='')}-{time}.dump")

    @property
    def name(self) -> str:
        return self.dump.name

    @property
    def taken_at(self) -> datetime:
        """By its name, in UTC."""
        name = NAME.fullmatch(self.name)
        if name is None:
            raise BackupError(f"{self.dump} isn't called as a backup is: <database>-<time>.dump")
        return datetime.strptime(name["at"], TIME).replace(tzinfo=UTC)

    @property
    def partial(self) -> Path:
        return self.dump.with_name(self.name + PARTIAL)

    @property
    def manifest(self) -> Path:
        return self.dump.with_suffix(".json")

    @property
    def checksums(self) -> Path:
        return self.dump.with_suffix(".sha256")

    @property
    def log(self) -> Path:
        return self.dump.with_suffix(".drill.log")

    def read_manifest(self) -> dict[str, Any]:
        """What was counted when it was taken.

        Raises:
            BackupError: it isn't there, or can't be read.
        """
        try:
            manifest: dict[str, Any] = json.loads(self.manifest.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BackupError(f"{self.manifest} can't be read: {error}") from None
        return manifest

    def check(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """See that dump and manifest are byte for byte what was written.

        Raises:
            BackupError: they aren't, or there is nothing to hold them against.
        """
        try:
            lines = self.checksums.read_text("ascii").splitlines()
        except (OSError, ValueError) as error:
            raise BackupError(f"{self.name} has no checksums to be held against: {error}") from None
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for path in (self.manifest, self.dump):
            if path.name not in expected:
                raise BackupError(f"{self.checksums} says nothing of {path.name}")
            try:
                found = sha256(path, progress)
            except OSError as error:
                raise BackupError(f"{path} can't be read: {error.strerror}") from None
            if found != expected[path.name]:
                raise BackupError(
                    f"{path} isn't what was written: its SHA-256 is {found[:16]}…, and "
                    f"{self.checksums.name} says {expected[path.name][:16]}…"
                )

    def delete(self) -> None:
        """Delete all of it, the dump first: what is left without a dump is no backup."""
        for path in (self.dump, self.checksums, self.manifest, self.log):
            path.unlink(missing_ok=True)


def sha256(path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> str:
    """The file's digest in hexadecimal; ``progress`` is told bytes."""
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            progress(done, size)
    return digest.hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and that only its owner may read."""
    partial = path.with_name(path.name + PARTIAL)
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def sync_folder(folder: Path) -> None:
    """See that the names in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def backups_in(folder: Path, database: str) -> list[Backup]:
    """The backups of a database, newest first."""
    wanted = quote(database, safe="")
    found = [
        Backup(path)
        for path in folder.glob("*.dump")
        if (name := NAME.fullmatch(path.name)) and name["database"] == wanted
    ]
    return sorted(found, reverse=True)


def newest_in(folder: Path, database: str) -> Backup:
    """The newest backup of a database.

    Raises:
        BackupError: there is none.
    """
    found = backups_in(folder, database)
    if not found:
        raise BackupError(f"There is no backup of {database} in {folder}.")
    return found[0]


def partials_in(folder: Path, database: str) -> list[Path]:
    """What backups that were killed left behind."""
    wanted = quote(database, safe="")
    return sorted(
        path
        for path in folder.glob(f"*{PARTIAL}")
        if (name := LEFT.fullmatch(path.name)) and name["database"] == wanted
    )
