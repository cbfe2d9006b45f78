"""``manage.py acceptance``: make the documents of what is claimed, or check them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from auditlog.made_documents import MakesDocuments
from release.acceptance import claims, documents, holding, results
from release.gates.registry import GATES


class Command(MakesDocuments):
    help = (
        "Make the acceptance matrix, STATUS and the README's list of features from "
        "docs/acceptance.toml, unless something speaks against a claim."
    )
    source = "is claimed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--junit", type=Path, metavar="FILE", help="Hold the claims to this run of the tests."
        )

    def documents(self, **options: Any) -> Iterator[tuple[Path, str]]:
        base: Path = settings.BASE_DIR
        found = claims.read(base)
        ran = results.read(options["junit"]) if options["junit"] else None
        made = documents.documents(found, base)
        names = {gate.name for gate in GATES}
        if problems := holding.against_all(found, base, gates=names, results=ran):
            raise ValueError("\n".join(problems))
        yield from made.items()
        tests = " and their tests passed" if ran else ""
        self.stdout.write(f"{len(found.claims)} claims are borne out{tests}.")
