"""A pack as files: each of its exports, and a manifest that says what they are."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from analyticsapp.exports.contract import schema_version
from analyticsapp.exports.export import Export, Pack, Totals
from analyticsapp.exports.registry import exports_of
from analyticsapp.exports.scope import Scope
from analyticsapp.kpi_document import definitions_version
from analyticsapp.models import DirtyDay, DirtySubscriber, SnapshotState
from auditlog.exports import CsvFile

MANIFEST = "manifest.json"
LEVEL = 3  # Of nine: text is small enough after it, and a level more costs time.


class Torn(RuntimeError):
    """A file isn't what was counted of its rows in the same state of the database."""


@dataclass
class Taken:
    """A file that was begun; ``totals`` are there once it is whole."""

    export: Export
    file: CsvFile
    totals: Totals | None = None

    @property
    def name(self) -> str:
        return f"{self.export.name}.csv"


class Bundle:
    """The files of a pack in turn, each to be read before the next; the manifest comes last.

    All of one state of the database, if it is read within one: ``Download`` sees to that.
    """

    def __init__(self, pack: Pack, scope: Scope) -> None:
        self.pack = pack
        self.scope = scope
        self.taken: list[Taken] = []

    def __iter__(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The name of each file, and what is in it."""
        for export in exports_of(self.pack):
            taken = Taken(export, export.file(self.scope))
            self.taken.append(taken)
            yield taken.name, taken.file
            taken.totals = export.totals(self.scope)
            if taken.totals.rows != taken.file.rows:
                raise Torn(f"{taken.name} has {taken.file.rows} rows of {taken.totals.rows}")
        yield MANIFEST, [self.manifest()]

    def account(self) -> dict[str, Any]:
        """What has been read of it: each file's rows, bytes and SHA-256; is it whole?"""
        return {
            "files": [
                {"file": taken.name, **taken.file.account(), "whole": taken.totals is not None}
                for taken in self.taken
            ]
        }

    def manifest(self) -> bytes:
        state = SnapshotState.objects.first()
        about = {
            "pack": self.pack.name,
            "schema_version": schema_version(),
            "definitions_version": definitions_version(),
            **self.scope.described(),
            "taken_at": written_time(database_time()),
            "figures_as_of": written_time(state.refreshed_at if state else None),
            "figures_complete": not (DirtyDay.objects.exists() or DirtySubscriber.objects.exists()),
            "files": [
                {
                    "name": taken.name,
                    **taken.file.account(),
                    "sums": taken.totals.amounts if taken.totals else {},
                }
                for taken in self.taken
            ],
        }
        return (json.dumps(about, indent=2) + "\n").encode()


def database_time() -> datetime:
    """When the transaction began, as the database's clock has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        found: datetime = cursor.fetchone()[0]
        return found


def written_time(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


class Sink:
    """Takes what the zip writes, until it is sent. It can't be gone back in, so that the zip says
    each file's size behind it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def drain(self) -> bytes:
        parts, self.parts = self.parts, []
        return b"".join(parts)


class Archive:
    """A bundle as a zip, made as it is sent."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        sink = Sink()
        at = datetime.now(UTC).timetuple()[:6]
        with zipfile.ZipFile(sink, "w") as archive:
            for name, blocks in self.bundle:
                entry = zipfile.ZipInfo(name, at)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry._compresslevel = LEVEL  # type: ignore[attr-defined]  # public from 3.13 on
                with archive.open(entry, "w", force_zip64=True) as file:
                    for block in blocks:
                        file.write(block)
                        yield from self.sent(sink)
        yield from self.sent(sink)

    def sent(self, sink: Sink) -> Iterator[bytes]:
        if data := sink.drain():
            self.bytes += len(data)
            yield data

    def account(self) -> dict[str, Any]:
        return {"bytes": self.bytes, **self.bundle.account()}


def part_of(file: Path) -> Path:
    """Where a file is written until it is whole."""
    return file.with_name(f"{file.name}.part")


class Folder:
    """A bundle as files of a folder, which are written as it is read. A file has its name only
    once it is whole."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self.bundle = bundle
        self.folder = folder

    def __iter__(self) -> Iterator[bytes]:
        for name, blocks in self.bundle:
            part = part_of(self.folder / name)
            with part.open("wb") as file:
                for block in blocks:
                    file.write(block)
                    yield block
            part.replace(self.folder / name)

    def account(self) -> dict[str, Any]:
        return self.bundle.account()
