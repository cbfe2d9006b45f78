"""``manage.py third_party_notices``: write the licences of what is installed, or check them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from auditlog.made_documents import MakesDocuments
from release.licences import document, packages, refused

FILE = "docs/third_party_notices.md"


class Command(MakesDocuments):
    help = "Write docs/third_party_notices.md, unless a package's licence can't be taken."
    source = "the locks install"

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        base: Path = settings.BASE_DIR
        found = packages(base)
        if bad := refused(found):
            raise ValueError("\n".join(bad))
        yield base / FILE, document(found)
        self.stdout.write(f"{len(found)} packages, each under a licence that is taken.")
