"""Write the schema contract of the exports and its document, or check that they are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyticsapp.exports import contract, document
from auditlog.made_documents import MakesDocuments


class Command(MakesDocuments):
    help = __doc__ or ""
    source = "the exports say"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        yield contract.PATH, contract.text()
        contract.written.cache_clear()
        yield document.PATH, document.document()
        self.stdout.write(f"Version {contract.schema_version()} of the schema.")
