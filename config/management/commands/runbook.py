"""Write the made parts of the runbook, or check that they are what the code says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditlog.made_documents import MakesDocuments
from config.runbook import document, path


class Command(MakesDocuments):
    help = __doc__ or ""
    source = "the checks and the schedule say"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        yield path(), document(path().read_text(encoding="utf-8"))
