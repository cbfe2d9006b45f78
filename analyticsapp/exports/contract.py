"""The schema contract: what every file has in which column, as one versioned file.

``manage.py export_schema`` writes it from the exports. A change of any column, be it only of its
meaning, makes a new version; the digests of the old ones stay in the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from analyticsapp.exports.export import Export
from analyticsapp.exports.registry import all_exports
from auditlog.columns import Column

PATH = Path(__file__).with_name("schema.json")


def contract(exports: Iterable[Export], versions: Mapping[str, str]) -> dict[str, Any]:
    """The contract of the exports; ``versions`` are those that were before, with their digests."""
    described = {export.name: describe(export) for export in exports}
    digest = hashlib.sha256(json.dumps(described).encode()).hexdigest()
    latest = max(map(int, versions), default=0)
    if versions.get(str(latest)) != digest:
        latest += 1
    return {
        "version": latest,
        "versions": {**versions, str(latest): digest},
        "exports": described,
    }


def describe(export: Export) -> dict[str, Any]:
    return {
        "pack": export.pack.name,
        "row": export.meaning,
        "columns": [describe_column(column) for column in export.columns],
    }


def describe_column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.kind.value,
        "unit": column.measured_in,
        "meaning": column.meaning,
        "personal": column.personal,
        "kpi": column.kpi,
    }


@cache
def written() -> Mapping[str, Any]:
    """The contract as the file has it; nothing while there is none."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    return found


def schema_version() -> int:
    """The version of the contract."""
    return int(written()["version"])


def text() -> str:
    """The file as it should be."""
    current = contract(all_exports().values(), written().get("versions", {}))
    # A column a line, so that a change of one is a line's.
    spread = json.dumps(current, indent=1, ensure_ascii=False)
    return re.sub(r"\{\n {5}(?=\"name\")[^{}]*\}", on_a_line, spread) + "\n"


def on_a_line(column: re.Match[str]) -> str:
    return re.sub(r"\n *", " ", column[0]).replace("{ ", "{").replace(" }", "}")
