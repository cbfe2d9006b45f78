"""Write the document of who may do what, or check that it is what the code declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditlog.made_documents import MakesDocuments
from governance.matrix import document, path


class Command(MakesDocuments):
    help = __doc__ or ""
    source = "the code declares"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        yield path(), document()
