"""Exports read back as a program reads them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

from analyticsapp.exports import PACKS, Scope, all_exports
from analyticsapp.exports.bundle import MANIFEST, Archive, Bundle

ALL = Scope()


def parsed(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def content(name: str, scope: Scope = ALL) -> bytes:
    """The file of an export."""
    return b"".join(all_exports()[name].file(scope))


def rows(name: str, scope: Scope = ALL) -> list[dict[str, str]]:
    return parsed(content(name, scope))


def header(name: str, scope: Scope = ALL) -> list[str]:
    return content(name, scope).split(b"\n")[0].decode().split(",")


def unpacked(archive: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a zip, and its manifest."""
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        assert found.testzip() is None
        files = {name: found.read(name) for name in found.namelist()}
    return files, json.loads(files.pop(MANIFEST))


def pack(name: str, scope: Scope = ALL) -> tuple[dict[str, bytes], dict[str, Any]]:
    return unpacked(b"".join(Archive(Bundle(PACKS[name], scope))))
