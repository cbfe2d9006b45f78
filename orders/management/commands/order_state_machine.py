"""Write the document of the order's state machine, or check that it is what the code says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditlog.made_documents import MakesDocuments
from orders.state_document import document, path


class Command(MakesDocuments):
    help = __doc__ or ""
    source = "the rules say"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        yield path(), document()
