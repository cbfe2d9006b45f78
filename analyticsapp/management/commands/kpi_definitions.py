"""Write the document of the KPIs, or check that it is what the registry says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyticsapp.kpi_document import document, path
from auditlog.made_documents import MakesDocuments


class Command(MakesDocuments):
    help = __doc__ or ""
    source = "the registry says"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        yield path(), document()
