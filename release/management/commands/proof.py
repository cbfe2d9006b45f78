"""``manage.py proof``: make the evidence package, or verify one."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release.backup.database import BackupError
from release.proof.camera import NoPicture
from release.proof.index import verify
from release.proof.making import make
from release.proof.stage import StageFailed
from release.tree import PROOF, NoTree, digest_of


class Command(BaseCommand):
    help = (
        "Make the evidence package: captures, pictures by a real browser of a demo of its own, and "
        "an index with digests. --verify compares a package with its index and with this tree."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out", type=Path, default=Path(PROOF), metavar="DIR", help="Where (%(default)s)."
        )
        parser.add_argument(
            "--verify", action="store_true", help="Make nothing; exit 1 if it fails."
        )
        parser.add_argument(
            "--ci",
            type=Path,
            metavar="FILE",
            help="What .ci/run printed for this tree; without it, it is run, which takes long.",
        )
        parser.add_argument(
            "--tests", type=Path, metavar="FILE", help="JUnit's XML of the tests of that run."
        )
        parser.add_argument(
            "--docker",
            type=Path,
            default=Path(".local/docker-proof"),
            metavar="DIR",
            help="Where scripts/docker_proof left its files (%(default)s).",
        )
        parser.add_argument("--orders", type=int, help="How many the demo has.")

    def handle(self, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        folder = base / options["out"]
        try:
            if not options["verify"]:
                made = ("ci", "tests", "docker", "orders")
                make(folder, base, self.say, **{name: options[name] for name in made})
            problems = verify(folder, digest_of(base))
        except (NoTree, NoPicture, StageFailed, BackupError) as error:
            raise CommandError(str(error)) from None
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"{folder} is whole, and of this tree.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
