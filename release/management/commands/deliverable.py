"""``manage.py deliverable``: the archive that is handed over, made from git alone."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.deliverable import Unfit, listed, make, unfit
from release.tree import NoTree, git


class Command(BaseCommand):
    help = (
        "Write an archive of what is committed, and its SHA-256 beside it. Refuses one that would "
        "hold an environment file, a database, an environment, a cache, or a key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out", type=Path, default=Path("dist"), metavar="DIR", help="Where (%(default)s)."
        )
        parser.add_argument(
            "--revision", default="HEAD", help="A tag or a commit (default: %(default)s)."
        )
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; look at what it is."
        )

    def handle(self, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        revision: str = options["revision"]
        try:
            if options["check"]:
                names = listed(base, revision)
                if problems := unfit(names):
                    raise Unfit("\n".join(problems))
                self.stdout.write(f"{len(names)} files, none that shouldn't be there.")
                return
            said = git(base, "describe", "--tags", "--always", revision)
            folder: Path = base / options["out"]
            folder.mkdir(parents=True, exist_ok=True)
            out = folder / f"countinghouse-{said}.tar.gz"
            digest = make(base, out, revision)
        except (Unfit, NoTree) as error:
            raise CommandError(str(error)) from None
        Path(f"{out}.sha256").write_text(f"{digest}  {out.name}\n", encoding="utf-8")
        self.stdout.write(f"{out}\n{digest}  {out.stat().st_size:,} bytes")
